package runner

import (
	"encoding/json"
	"strings"

	"github.com/tagexec/tagexec/executor/runner/strictjson"
	"github.com/tagexec/tagexec/executor/runner/words"
)

type commandPayload struct {
	command string
	args    []string
	env     map[string]string
	stdin   *string // nil: the command reads an empty input
}

func decodeCommand(raw json.RawMessage) (commandPayload, error) {
	o := readObject("payload", raw, "command", "args", "env", "stdin", traceparent)
	p := commandPayload{command: o.text("command"), args: o.texts("args"), env: readEnv(o)}
	if o.has("stdin") {
		stdin := o.text("stdin")
		p.stdin = &stdin
	}
	readTraceparent(o)
	switch {
	case o.err != nil:
	case p.command == "":
		o.refuse("command is missing: the name of an executable in the commands directory")
	case !plainName(p.command):
		o.refuse("command %s must be a plain file name: no path, no leading dot", words.Quote(p.command))
	}
	for i, arg := range p.args {
		if strings.ContainsRune(arg, 0) {
			o.refuse("args[%d] holds a NUL character, which no argument can", i)
		}
	}
	return p, o.err
}

func readEnv(o *object) map[string]string {
	fields := strictjson.Members(o.raw("env", "an object"))
	env := make(map[string]string, len(fields))
	for _, name := range sortedKeys(fields) {
		switch k := strictjson.Kind(fields[name]); {
		case !validEnvName(name):
			o.refuse("env: %s cannot be the name of a variable", words.Quote(name))
		case k != "a string":
			o.refuse("env: %s must be a string, not %s", words.Quote(name), k)
		default:
			env[name] = strictjson.Text(fields[name])
			if strings.ContainsRune(env[name], 0) {
				o.refuse("env: %s holds a NUL character, which no variable can", words.Quote(name))
			}
		}
	}
	return env
}

func validEnvName(name string) bool {
	return name != "" && !strings.ContainsAny(name, "=\x00")
}
