package store_test

import (
	"regexp"
	"testing"

	"github.com/tagexec/tagexec/store"
	"github.com/tagexec/tagexec/store/storetest"
)

// The copy's executors may have the same login in an engine, and the same job ids.
func TestACopyOfTheDatabaseIsAnotherQueue(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	login, url := db.Login("tagexec_executor")
	name := queueName(t, url)
	if again := queueName(t, url); again != name {
		t.Errorf("the queue is called %s, then %s", name, again)
	}
	if of := queueName(t, storetest.As(t, db.Copy().URL, login)); of == name {
		t.Errorf("the copy is called %s too", of)
	}
	db.Exec("UPDATE tagexec.queue_name SET name = DEFAULT")
	if of := queueName(t, url); of == name {
		t.Errorf("after it was given a new name the queue is still called %s", of)
	}
}

// Some hosts keep from logins what tells one server from another.
func TestTheQueueHasANameWhereTheServersIsKeptSecret(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	db.Exec("REVOKE EXECUTE ON FUNCTION pg_catalog.pg_control_system() FROM PUBLIC")
	_, url := db.Login("tagexec_executor")
	queueName(t, url)
}

func queueName(t *testing.T, url string) string {
	t.Helper()
	st, err := store.Open(url, "test")
	if err != nil {
		t.Fatal(err)
	}
	defer st.Close()
	name, err := st.QueueName(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if !regexp.MustCompile("^[0-9a-z]{12}$").MatchString(name) {
		t.Errorf("the queue is called %q", name)
	}
	return name
}
