package config

import (
	"log/slog"
	"strings"
	"testing"
	"time"
)

func TestLogsWriteDurationsAsPeopleDo(t *testing.T) {
	t.Parallel()
	for format, want := range map[string]string{"json": `"grace":"20s","of":{"pause":"100ms"}`, "text": "grace=20s of.pause=100ms"} {
		var log strings.Builder
		Config{LogLevel: "info", LogFormat: format}.Logger(&log).Info("m", "grace", 20*time.Second, slog.Group("of", "pause", 100*time.Millisecond))
		if !strings.Contains(log.String(), want) {
			t.Errorf("%s: %s, want %s", format, log.String(), want)
		}
	}
}
