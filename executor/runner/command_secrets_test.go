package runner_test

import (
	"strings"
	"testing"

	"github.com/tagexec/tagexec/executor/runner"
)

// What an executor knows to be secret, a command may print and nobody reads.
func TestCommandOutputHoldsNoSecretOfTheExecutor(t *testing.T) {
	for name, value := range map[string]string{
		"WAREHOUSE_PASSWORD": "h0rse battery", "API_TOKEN": "tok-3n/of+it", "PGPASSWORD": "stapl3", "AWS_SECRET_ACCESS_KEY": "wJalr/XUtn",
		"TOKENIZERS_PARALLELISM": "false", "SECRET_FILE": "/run/secrets/x", "EMPTY_PASSWORD": "",
	} {
		t.Setenv(name, value)
	}
	c := commands(t, `
echo "$WAREHOUSE_PASSWORD $PGPASSWORD $API_TOKEN"
printf %s "$API_TOKEN" | base64
printf %s "$WAREHOUSE_PASSWORD" | od -An -tx1 | tr -d ' \n'
echo " queue: kn0wn, false, $SECRET_FILE"
echo "{\"key\":\"$AWS_SECRET_ACCESS_KEY\"}"
echo "login failed with $WAREHOUSE_PASSWORD" >&2
exit 1`, func(opt *runner.CommandOptions) {
		opt.Env = []string{"PATH", "WAREHOUSE_PASSWORD", "API_TOKEN", "PGPASSWORD", "AWS_SECRET_ACCESS_KEY", "TOKENIZERS_PARALLELISM", "SECRET_FILE", "EMPTY_PASSWORD"}
		opt.Secrets = []string{"kn0wn", "", "abc"}
	})
	out, err := c.Run(t.Context(), job(`{"command":"run"}`))
	wantFailure(t, err, "exit_status", false, "exited with status 1: login failed with [redacted]")
	const want = "[redacted] [redacted] [redacted]\n[redacted]\n[redacted] queue: [redacted], false, /run/secrets/x\n{\"key\":\"[redacted]\"}\n"
	if got := strings.Replace(out.Output, "login failed with [redacted]\n", "", 1); got != want { // the order of two streams is not certain
		t.Errorf("output %q, want %q", got, want)
	}
	wantJSON(t, out.Value, `{"key":"[redacted]"}`)
}
