package metrics

import "time"

// AskAgain has the next scrape ask the database.
func (m *Metrics) AskAgain() {
	m.queue.mu.Lock()
	defer m.queue.mu.Unlock()
	m.queue.asks = time.Time{}
}

// Class is why the database failed.
var Class = class
