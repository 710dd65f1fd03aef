package metrics_test

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

	"github.com/tagexec/tagexec/cmd/internal/metrics"
	"github.com/tagexec/tagexec/executor"
	"github.com/tagexec/tagexec/store/storetest"
)

func TestMain(m *testing.M) { storetest.Main(m) }

// scene is an executor on a database of its own, and its numbers at an address.
type scene struct {
	*metrics.Metrics
	t   testing.TB
	db  *storetest.DB
	url string
}

// newScene returns a scene whose executor does not run yet.
func newScene(t testing.TB, db *storetest.DB, q metrics.Queue) *scene {
	t.Helper()
	s := &scene{t: t, db: db, Metrics: metrics.New(metrics.Config{
		Version: "v1", Kinds: []string{"test"}, Queue: q, Log: slog.New(slog.DiscardHandler),
	})}
	server := httptest.NewServer(s.Handler())
	t.Cleanup(server.Close)
	s.url = server.URL
	return s
}

// run runs an executor with four workers until the test ends.
func (s *scene) run(q executor.Queue, c executor.Config, run executor.RunnerFunc) *executor.Pool {
	s.t.Helper()
	c.Runners, c.Workers, c.Observer, c.Log = executor.Runners{"test": run}, 4, s.Metrics, slog.New(slog.DiscardHandler)
	p, err := executor.New(q, c)
	if err != nil {
		s.t.Fatal(err)
	}
	s.Follow(p.Load)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		if err := p.Run(ctx); err != nil {
			s.t.Error(err)
		}
	}()
	s.t.Cleanup(func() { cancel(); <-done })
	return p
}

// scrape asks the database again and returns each sample by its name and labels, of a
// histogram its count and sum.
func (s *scene) scrape() map[string]float64 {
	s.t.Helper()
	s.AskAgain()
	samples := map[string]float64{}
	for _, family := range families(s.t, s.url) {
		for _, m := range family.Metric {
			of := func(suffix string) string { return family.GetName() + suffix + labels(m) }
			switch {
			case m.Counter != nil:
				samples[of("")] = m.Counter.GetValue()
			case m.Gauge != nil:
				samples[of("")] = m.Gauge.GetValue()
			case m.Histogram != nil:
				samples[of("_count")] = float64(m.Histogram.GetSampleCount())
				samples[of("_sum")] = m.Histogram.GetSampleSum()
			}
		}
	}
	return samples
}

// until scrapes until the samples are as they are wanted.
func (s *scene) until(what string, holds func(is map[string]float64) bool) map[string]float64 {
	s.t.Helper()
	var is map[string]float64
	defer func() {
		if s.t.Failed() {
			for _, name := range slices.Sorted(maps.Keys(is)) {
				s.t.Log(name, is[name])
			}
		}
	}()
	storetest.Eventually(s.t, what, func() bool {
		is = s.scrape()
		return holds(is)
	})
	return is
}

// families scrapes as text and parses the answer.
func families(t testing.TB, url string) map[string]*dto.MetricFamily {
	t.Helper()
	response, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		t.Fatalf("status %d", response.StatusCode)
	}
	parser := expfmt.NewTextParser(model.UTF8Validation)
	all, err := parser.TextToMetricFamilies(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// labels writes the labels of a metric in the order of their names.
func labels(m *dto.Metric) string {
	var pairs []string
	for _, l := range m.Label {
		pairs = append(pairs, fmt.Sprintf("%s=%q", l.GetName(), l.GetValue()))
	}
	if slices.Sort(pairs); pairs == nil {
		return ""
	}
	return "{" + strings.Join(pairs, ",") + "}"
}
