package config

import (
	"io"
	"log/slog"
	"time"

	"github.com/tagexec/tagexec/cmd/internal/cli"
)

// Logger returns the logger that the configuration asks for, writing to w.
func (c Config) Logger(w io.Writer) *slog.Logger {
	var level slog.Level
	_ = level.UnmarshalText([]byte(c.LogLevel)) // checked by problems
	options := &slog.HandlerOptions{Level: level, ReplaceAttr: readable}
	format := c.LogFormat
	if format == "" {
		format = "json"
		if cli.OnTerminal(w) {
			format = "text"
		}
	}
	if format == "text" {
		return slog.New(slog.NewTextHandler(w, options))
	}
	return slog.New(slog.NewJSONHandler(w, options))
}

// readable writes durations as people do, "100ms", in JSON too, and errors as the
// commands do.
func readable(_ []string, a slog.Attr) slog.Attr {
	switch value := a.Value.Any().(type) {
	case time.Duration:
		a.Value = slog.StringValue(value.String())
	case error:
		a.Value = slog.StringValue(cli.Text(value))
	}
	return a
}
