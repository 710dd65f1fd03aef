package config

import (
	"io"
	"log/slog"

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

// readable writes durations as people do, "100ms", in JSON too.
func readable(_ []string, a slog.Attr) slog.Attr {
	if a.Value.Kind() == slog.KindDuration {
		a.Value = slog.StringValue(a.Value.Duration().String())
	}
	return a
}
