// Package enginetest is what every engine of SQL jobs must do, in twenty cases. They go
// the whole way of a job, from its payload to its report, by runner.SQL, on a real
// server, and look by a connection of their own at what the job left there.
//
// The test of an engine describes its server and its SQL in a Fixture:
//
//	func TestMain(m *testing.M) {
//		if enginetest.Mortal() {
//			return
//		}
//		…
//	}
//
//	func TestConformance(t *testing.T) { enginetest.Run(t, enginetest.Fixture{…}) }
//
// An engine may be exempt from a case, for a reason that is printed, unless its traits
// promise what the case tests. The cases run one after the other: some stop the server.
package enginetest
