package store_test

import (
	"context"
	"testing"
	"time"

	"github.com/tagexec/tagexec/store"
	"github.com/tagexec/tagexec/store/storetest"
)

// An executor that looked for a pooler while the server let it in and then said
// nothing was gone for good.
func TestStoreComesBackWhenTheServerWasSilent(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	silent := storetest.NewSilent(t, db.URL, 0)
	s, err := store.Open(silent.URL+"&connect_timeout=1", "test")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	c := db.ClaimerOn(s, store.Executor{})
	silent.Hush()
	silent.Next(storetest.Everybody)
	store.ForgetPooler(s)
	beat := func() error {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, err := c.Heartbeat(ctx)
		return err
	}
	storetest.Eventually(t, "new connections hang", func() bool { return beat() != nil && silent.Hung() > 1 })
	silent.Next(0)
	storetest.Eventually(t, "a heartbeat", func() bool { return beat() == nil })
	storetest.Eventually(t, "a claim", func() bool { _, err := c.Claim(t.Context(), 1); return err == nil })
}

func TestEveryCallEndsWithItsContextThoughTheServerIsSilent(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	silent := storetest.NewSilent(t, db.URL, storetest.Everybody)
	s, err := store.Open(silent.URL, "test")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() { ended <- s.CheckSchema(ctx) }()
	storetest.Eventually(t, "the connection hangs", func() bool { return silent.Hung() > 0 })
	cancel()
	select {
	case err := <-ended:
		if err == nil {
			t.Error("a silent server answered")
		}
	case <-time.After(5 * time.Second):
		t.Fatal("still waiting")
	}
	closed := make(chan bool)
	go func() { s.Close(); closed <- true }()
	select {
	case <-closed:
	case <-time.After(5 * time.Second):
		t.Fatal("still closing")
	}
}
