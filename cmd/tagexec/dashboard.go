package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/tagexec/tagexec/cmd/internal/access"
	"github.com/tagexec/tagexec/cmd/internal/cli"
	"github.com/tagexec/tagexec/cmd/internal/config"
	"github.com/tagexec/tagexec/cmd/internal/web"
)

// dashboardConnections is how many the page may hold where no jobs need any.
const dashboardConnections = 256

func dashboardCommand(std cli.Streams) *cobra.Command {
	return &cobra.Command{
		Use:   "dashboard",
		Short: "Show the page in a browser, without running jobs",
		Long: "dashboard shows what runs, what waits, what failed and when it ends, at TAGEXEC_HTTP_ADDR until Ctrl-C.\n" +
			"What one may do there is what the login of TAGEXEC_UI_DATABASE_URL, else TAGEXEC_DATABASE_URL, may do.",
		Args: cli.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := config.LoadWithDatabase()
			if err != nil {
				return err
			}
			server, err := web.Listen(web.Config{Config: c, Free: access.Operator, Connections: dashboardConnections, Log: c.Logger(std.Err)})
			if err != nil {
				return err
			}
			defer server.Close()
			fmt.Fprintln(std.Out, server.PageURL())
			<-cmd.Context().Done()
			code, _ := cli.Signalled(cmd.Context())
			return cli.Exit(code)
		},
	}
}
