package bench

import (
	"slices"
	"testing"
	"time"
)

func TestMedianIsInTheMiddle(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		values []float64
		want   float64
	}{
		{nil, 0}, {[]float64{7}, 7}, {[]float64{9, 1, 5}, 5}, {[]float64{4, 1, 3, 2}, 2.5},
	} {
		if got := median(c.values); got != c.want {
			t.Errorf("the median of %v is %v, want %v", c.values, got, c.want)
		}
	}
}

func TestSpreadOfNothingIsNone(t *testing.T) {
	t.Parallel()
	if s := spread(nil); s != nil {
		t.Errorf("got %v", *s)
	}
	if s, want := *spread([]float64{3, 1, 2}), (Spread{1, 2, 3}); s != want {
		t.Errorf("got %v, want %v", s, want)
	}
}

// The machine was half as fast in the second turn: the ratio does not notice,
// while the ratio of the medians would.
func TestRatiosPairRunsOfTheSameTurn(t *testing.T) {
	t.Parallel()
	got := ratios([]float64{200, 100, 300}, []float64{100, 50, 100})
	if want := []float64{2, 2, 3}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestQuantile(t *testing.T) {
	t.Parallel()
	values := make([]float64, 100)
	for i := range values {
		values[i] = float64(100 - i)
	}
	for q, want := range map[float64]float64{0.5: 50, 0.95: 95, 0.99: 99, 1: 100} {
		if got := quantile(values, q); got != want {
			t.Errorf("the quantile %v is %v, want %v", q, got, want)
		}
	}
	if got := quantile([]float64{3}, 0.99); got != 3 {
		t.Errorf("of a single value: %v", got)
	}
}

func TestSlicesOfACourse(t *testing.T) {
	t.Parallel()
	start := time.Unix(0, 0)
	// 100 jobs in the first second, 200 in the next half.
	c := timeline{{start, 0}, {start.Add(time.Second), 100}, {start.Add(1500 * time.Millisecond), 300}}
	if got, want := c.rates(100, 300), []float64{100, 400, 400}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	if got, want := c.rates(200, 250), []float64{160, 400}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	if got := c.reached(300); !got.Equal(start.Add(1500 * time.Millisecond)) {
		t.Errorf("the last was stored at %v", got)
	}
}
