package operate

import (
	"github.com/spf13/cobra"

	"github.com/tagexec/tagexec/cmd/internal/cli"
)

// Commands returns the commands.
func Commands(std cli.Streams) []*cobra.Command {
	return []*cobra.Command{
		cli.Group("jobs", "Look at jobs, cancel and retry them",
			jobsList(std), jobsShow(std), jobsLogs(std), jobsExplain(std), jobsCancel(std), jobsRetry(std)),
		cli.Group("batch", "Look at batches, wait for them, cancel and retry them",
			batchList(std), batchStatus(std), batchWhy(std), batchEstimate(std), batchWait(std), batchGantt(std), batchCancel(std), batchRetry(std), batchPriority(std)),
		cli.Group("pools", "Look at pools, change and pause them",
			poolsList(std), poolsCreate(std), poolsSet(std), poolsPause(std), poolsResume(std)),
		cli.Group("executors", "Look at executors, and drain them", executorsList(std), executorsDrain(std)),
		cli.Group("tags", "Look at how tags do", tagsList(std), tagsShow(std)),
		failuresCommand(std),
		cli.Group("actions", "Look at what people did by hand", actionsList(std)),
	}
}
