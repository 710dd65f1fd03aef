package demo

// A job has the producer columns of tagexec.tag_jobs that the demo sets; what is left out takes the column's
// default. The payloads are written down here and not taken from executor/runner: the demo is a producer, and
// producers know the contract only.
type job struct {
	Tag      string `json:"tag"`
	Kind     string `json:"kind"`
	BizDate  string `json:"biz_date"`
	Pool     string `json:"pool,omitempty"`
	Slots    int    `json:"slots,omitempty"`
	Priority int    `json:"priority,omitempty"`
	MutexKey string `json:"mutex_key,omitempty"`
	Payload  any    `json:"payload"`
}

type sqlPayload struct {
	Source     string      `json:"source"`
	Statements []statement `json:"statements"`
}

type statement struct {
	Statement string `json:"statement"`
	Args      []any  `json:"args"`
}

type commandPayload struct {
	Command string   `json:"command"`
	Args    []string `json:"args"`
	Stdin   string   `json:"stdin"`
}

type httpPayload struct {
	Method  string            `json:"method"`
	URL     string            `json:"url"`
	Headers map[string]string `json:"headers"`
	Body    publication       `json:"body"`
}
