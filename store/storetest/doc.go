// Package storetest gives every database test a private, migrated database on
// a server of its own.
//
//	func TestMain(m *testing.M) { storetest.Main(m) }
//
//	func TestSomething(t *testing.T) {
//		t.Parallel()
//		db := storetest.New(t)
//		ids := db.Insert(storetest.Row{"tag": "high_value", "slots": 2})
//		...
//	}
//
// One server runs per test process, from the first [New] or [Empty] on. New
// clones a template that was migrated once, which takes some tens of
// milliseconds. When the test ends, [CheckInvariants] looks at the tables; the
// database is dropped if the test passed and kept if it failed, with its URL
// in the log. (The server ends with the process all the same: set
// TAGEXEC_TEST_KEEP=1 to keep it up until Ctrl-C.)
package storetest
