package hive

import (
	"context"
	"errors"

	"github.com/beltran/gohive/hiveserver"

	"github.com/tagexec/tagexec/executor/runner/sql"
)

// source is the URL of a server.
type source struct {
	sql.URL
	database string
	plain    bool // SASL with the mechanism PLAIN
}

// Parse reads the URL of a source, as sql.Parse says.
func Parse(url string) (sql.Source, error) {
	parsed, err := sql.ParseURL(url, "10000", "auth")
	if err != nil {
		return nil, err
	}
	s := source{URL: parsed, database: "default", plain: true}
	switch parsed.Parameters["auth"] {
	case "", "plain":
	case "none":
		s.plain = false
	default:
		return nil, errors.New("the URL sets auth to something else than plain or none")
	}
	switch len(parsed.Path) {
	case 0:
	case 1:
		s.database = parsed.Path[0]
	default:
		return nil, errors.New("the URL names more than a database behind the host")
	}
	return s, nil
}

// Engine returns the engine of the source.
func (s source) Engine(opt sql.Options) (sql.Engine, error) {
	return &engine{source: s, places: sql.NewPlaces(opt.Connections)}, nil
}

type engine struct {
	source source
	places *sql.Places
}

// Traits says what jobs may ask.
func (e *engine) Traits() sql.Traits {
	return sql.Traits{
		Engine: e.source.Scheme, Arguments: sql.None,
		EndedBy:       "CancelOperation on a second connection",
		OrphanEndedBy: "the end of its connection (Spark), and by QueryTimeout 10 s after the time of its attempt",
	}
}

// Open opens a session of the server, on a connection of its own: sessions keep
// settings, temporary views and the database in use.
func (e *engine) Open(ctx context.Context, job sql.Job) (sql.Session, error) {
	if err := e.places.Take(ctx); err != nil {
		return nil, err
	}
	conn, opened, err := e.open(ctx)
	if err != nil {
		e.places.Leave()
		return nil, err
	}
	return &session{engine: e, conn: conn, handle: opened.SessionHandle, job: job}, nil
}

// open connects, and opens a session of the server.
func (e *engine) open(ctx context.Context) (*connection, *hiveserver.TOpenSessionResp, error) {
	bound, cancel := context.WithTimeout(ctx, e.source.ConnectTimeout)
	defer cancel()
	conn, err := dial(bound, e.source)
	if err != nil {
		return nil, nil, unreachable(err)
	}
	defer closeWith(bound, conn.Conn)()
	configuration := map[string]string{}
	for name, value := range e.source.Settings {
		configuration["set:hiveconf:"+name] = value
	}
	configuration["use:database"] = e.source.database
	configuration["set:hiveconf:hive.server2.long.polling.timeout"] = longPoll
	answer, err := conn.client.OpenSession(bound, &hiveserver.TOpenSessionReq{
		ClientProtocol: hiveserver.TProtocolVersion_HIVE_CLI_SERVICE_PROTOCOL_V8,
		Username:       &e.source.User,
		Password:       &e.source.Pass,
		Configuration:  configuration,
	})
	if err == nil {
		err = refused(answer.Status)
	}
	if err == nil && answer.SessionHandle == nil {
		err = errIncomplete
	}
	if err != nil {
		conn.Close()
		return nil, nil, unreachable(err)
	}
	return conn, answer, nil
}

// Check opens a session and asks for the version.
func (e *engine) Check(ctx context.Context) (sql.Server, error) {
	if e.places.Full() {
		return sql.Server{}, nil // it works
	}
	conn, opened, err := e.open(ctx)
	if err != nil {
		return sql.Server{}, err
	}
	defer conn.Close()
	bound, cancel := context.WithTimeout(ctx, e.source.ConnectTimeout)
	defer cancel()
	about := func(what hiveserver.TGetInfoType) string {
		answer, err := conn.client.GetInfo(bound, &hiveserver.TGetInfoReq{SessionHandle: opened.SessionHandle, InfoType: what})
		if err != nil || answer.InfoValue == nil || answer.InfoValue.StringValue == nil {
			return ""
		}
		return *answer.InfoValue.StringValue
	}
	server := sql.Server{Product: about(hiveserver.TGetInfoType_CLI_DBMS_NAME), Version: about(hiveserver.TGetInfoType_CLI_DBMS_VER)}
	_, _ = conn.client.CloseSession(bound, &hiveserver.TCloseSessionReq{SessionHandle: opened.SessionHandle})
	return server, nil
}

// Connections counts those of jobs.
func (e *engine) Connections() sql.Connections { return e.places.Count() }

// Close has nothing to do: each session has a connection of its own, which ends with it.
func (*engine) Close() {}

// unreachable is the failure of a connection or a session that did not come about.
func unreachable(err error) error {
	var said *serverError
	if errors.As(err, &said) {
		return said.failure(sql.OnlyStatement)
	}
	var sasl *saslError
	if errors.As(err, &sasl) || errors.Is(err, errIncomplete) {
		return sql.NoConnection(err.Error())
	}
	return sql.Unreachable(err)
}

// longPoll is how long the server keeps a question whether a statement has ended. Its
// own default of 5 s would be how long a cancel takes.
const longPoll = "100ms"
