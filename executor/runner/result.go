package runner

import (
	"bytes"
	"encoding/json"
)

// maxResult is the longest text that becomes a job's result, in bytes: a
// result is a summary kept in the job's row, not a data set.
const maxResult = 256 << 10

// objectResult returns text as a result when it is a JSON object, else nil. A
// byte order mark before it is passed over.
func objectResult(text []byte) json.RawMessage {
	text = bytes.TrimSpace(withoutMark(bytes.TrimSpace(text)))
	if len(text) == 0 || len(text) > maxResult || text[0] != '{' || !json.Valid(text) {
		return nil
	}
	return bytes.Clone(text)
}
