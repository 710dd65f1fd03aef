package operate

import (
	"github.com/spf13/cobra"

	"github.com/tagexec/tagexec/cmd/internal/cli"
)

// Commands returns the commands.
func Commands(std cli.Streams) []*cobra.Command {
	return []*cobra.Command{
		cli.Group("jobs", "Look at jobs", "",
			jobsList(std), jobsShow(std), jobsLogs(std), jobsExplain(std)),
		cli.Group("batch", "Look at batches and wait for them", "",
			batchList(std), batchStatus(std), batchWait(std), batchGantt(std)),
		cli.Group("pools", "Look at pools", "", poolsList(std)),
		cli.Group("executors", "Look at executors", "", executorsList(std)),
		cli.Group("tags", "Look at how tags do", "", tagsList(std), tagsShow(std)),
		failuresCommand(std),
		cli.Group("actions", "Look at what people did by hand", "", actionsList(std)),
	}
}
