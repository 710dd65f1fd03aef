package enginetest

import (
	"testing"
	"time"
)

// Datum stands in the statements of a fixture for data: no error may hold it.
const Datum = "S3cret-4711"

// Fixture is an engine, its server, and the SQL that its cases need.
type Fixture struct {
	// URL is that of the source, with host and port, and without TLS. Its login has a password that stands nowhere else, may
	// write the table, and is used by nobody else while the cases run.
	URL string
	// InProcess says that the engine runs in the process of the executor, on a file: no test
	// can come between the two, and no statement has an id there.
	InProcess bool
	// WrongTLS is a URL by which TLS cannot come about: the server has none, or its
	// certificate is by an authority that the URL does not know.
	WrongTLS string
	// Malformed are URLs that are refused at once. Where they hold a password it is
	// that of URL.
	Malformed []string

	SQL   SQL
	Admin Admin

	// ByQueryID says that the engine's list names a statement only by the server's own id,
	// which is then the QueryID of the report, and not by sql.Job.Mark or sql.Job.Token.
	ByQueryID bool
	// OrphanEnds is within which time the server ends the work of an executor that was
	// killed, when the job's own time is OrphanTime.
	OrphanEnds time.Duration
	// AnyLogin says that the server lets in whoever comes, with any password.
	AnyLogin bool
	// Stateless says that nothing of a session outlives a statement, not even within a job.
	Stateless bool
	// Exempt names the cases that do not apply, by number, and why.
	Exempt map[int]string
}

// OrphanTime is the time of the jobs whose executor is killed in case 12, or cut off in 13: a
// cold server on a busy machine must have begun their statements within.
const OrphanTime = 10 * time.Second

// SQL are statements in the language of the engine. The table has a column id, an
// integer, and a column note, a text.
type SQL struct {
	Table  string             // the table's name, as statements write it; it is there, and empty
	Insert func(n int) string // puts rows with the ids 1 to n, and any note, into the table
	Update string             // sets the note of all rows to one value; "": there is no UPDATE
	Copy   string             // makes a table of the table's rows; "": there is no CREATE TABLE AS
	Uncopy string             // removes it

	Row     string // a SELECT of a row of case 1
	RowJSON string // what becomes of it, to the byte, with the columns in the order of their names

	Bindings  []Binding // of an engine that takes arguments
	FewValues string    // a payload that inserts into the table, with an argument less than it needs

	SlowSelect string // keeps a processor busy for a minute
	SlowWrite  string // writes into the table for a minute, many rows one by one
	Million    string // a SELECT of 1,000,000 rows of more than 100 bytes

	Wrong     []Wrong     // statements that can never pass
	Retryable []Retryable // statements that fail, and may pass another time
	KilledBy  string      // the code of a statement that an operator ended by Admin.Kill
	Ends      []string    // statements that end the job's transaction; of an atomic engine

	SetState  []string // leave what a careless engine would pass on: settings, temporary tables, variables
	ReadState string   // a SELECT whose one row differs when SetState has run before
}

// Binding is a payload with arguments.
type Binding struct {
	Name    string
	Payload string // JSON
	Want    string // the result, JSON; "" if it is refused
}

// Wrong is a statement that can never pass.
type Wrong struct {
	Name      string // syntax, a missing table, column, function
	Statement string // holds Datum
	Code      string // the engine's
}

// Retryable is a failure that may pass another time.
type Retryable struct {
	Name      string           // a lock conflict, memory, a missing right
	Before    func(testing.TB) // brings it about; nil: nothing has to. What it holds it lets go by Cleanup
	Statement string
	Code      string
}

// Admin are the ways to the server by an administrator's own connection, none of which
// goes through the engine. They fail the test on an error.
type Admin struct {
	Empty func(testing.TB)                        // removes all rows of the table
	Value func(t testing.TB, query string) string // its one value
	// Running is what runs now for the login of the source, as the engine's own list
	// tells: of each statement its text, what names the job, and the server's own id.
	// Connections that do nothing are not in it.
	Running func(testing.TB) []string
	// Kill ends one of them, as an operator does; nil: an engine in the process has no way.
	Kill func(t testing.TB, running string)
	// Processes are those of the server, which are stopped and go on by signals.
	Processes func(testing.TB) []int
	// Restart stops the server at once and starts it again; nil where the test does not
	// own it.
	Restart func(testing.TB)
}
