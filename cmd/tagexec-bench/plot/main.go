// Command plot makes a picture (SVG) of what `tagexec-bench growth --json` has
// measured:
//
//	tagexec-bench growth --json >growth.json
//	go -C cmd/tagexec-bench/plot run . <growth.json >growth.svg
//
// It is a module of its own, so that tagexec needs no plotting library.
package main

import (
	"encoding/json"
	"fmt"
	"image/color"
	"io"
	"math"
	"os"
	"strconv"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgsvg"
)

// growth has the fields that are drawn of what internal/bench/growth.go reports.
type growth struct {
	Curves []curve `json:"curves"`
}

type curve struct {
	Of     string  `json:"of"`
	Rate   string  `json:"rate"`
	Points []point `json:"points"`
}

type point struct {
	X    float64 `json:"x"`
	Rate struct {
		Min    float64 `json:"min"`
		Median float64 `json:"median"`
		Max    float64 `json:"max"`
	} `json:"jobs_per_second"`
}

const (
	columns    = 2
	tileWidth  = 11 * vg.Centimeter
	tileHeight = 7 * vg.Centimeter
)

var line = color.RGBA{R: 0x1f, G: 0x5f, B: 0xa8, A: 0xff}

func main() {
	if err := run(os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "plot: "+err.Error())
		os.Exit(1)
	}
}

func run(in io.Reader, out io.Writer) error {
	var g growth
	if err := json.NewDecoder(in).Decode(&g); err != nil {
		return fmt.Errorf("read what `tagexec-bench growth --json` prints: %w", err)
	}
	if len(g.Curves) == 0 {
		return fmt.Errorf("there are no curves in it: it must be what `tagexec-bench growth --json` prints")
	}
	rows := (len(g.Curves) + columns - 1) / columns
	canvas := vgsvg.New(columns*tileWidth, vg.Length(rows)*tileHeight)
	const pad = vg.Centimeter / 2
	tiles := draw.Tiles{Cols: columns, Rows: rows, PadX: pad, PadY: pad, PadTop: pad, PadBottom: pad, PadLeft: pad, PadRight: pad}
	whole := draw.New(canvas)
	for i, c := range g.Curves {
		p, err := c.picture()
		if err != nil {
			return err
		}
		p.Draw(tiles.At(whole, i%columns, i/columns))
	}
	_, err := canvas.WriteTo(out)
	return err
}

// picture is the curve of the medians, with bars from the slowest to the fastest
// run. What there is more of grows by factors, so its axis is one of logarithms.
func (c curve) picture() (*plot.Plot, error) {
	p := plot.New()
	p.X.Label.Text, p.Y.Label.Text = c.Of, c.Rate
	p.X.Scale, p.X.Tick.Marker = plot.LogScale{}, c.ticks()
	p.Y.Tick.Marker = thousands{}
	p.BackgroundColor = color.White
	p.Add(plotter.NewGrid())
	if len(c.Points) == 0 {
		p.X.Min, p.X.Max = 1, 10
		return p, nil
	}
	medians := make(plotter.XYs, len(c.Points))
	ranges := make(plotter.YErrors, len(c.Points))
	for i, at := range c.Points {
		medians[i] = plotter.XY{X: at.X, Y: at.Rate.Median}
		ranges[i].Low, ranges[i].High = at.Rate.Median-at.Rate.Min, at.Rate.Max-at.Rate.Median
	}
	curve, dots, err := plotter.NewLinePoints(medians)
	if err != nil {
		return nil, err
	}
	bars, err := plotter.NewYErrorBars(struct {
		plotter.XYer
		plotter.YErrorer
	}{medians, ranges})
	if err != nil {
		return nil, err
	}
	curve.Color, dots.Color, bars.Color = line, line, line
	dots.Shape = draw.CircleGlyph{}
	p.Add(curve, dots, bars)
	p.Y.Min, p.Y.Max = 0, p.Y.Max*1.1
	p.X.Min, p.X.Max = p.X.Min/1.2, p.X.Max*1.2
	return p, nil
}

// ticks are at what was measured.
func (c curve) ticks() plot.ConstantTicks {
	var ticks plot.ConstantTicks
	for _, at := range c.Points {
		ticks = append(ticks, plot.Tick{Value: at.X, Label: short(at.X)})
	}
	return ticks
}

// thousands are the usual ticks, labelled 50k.
type thousands struct{}

func (thousands) Ticks(min, max float64) []plot.Tick {
	ticks := plot.DefaultTicks{}.Ticks(min, max)
	for i, t := range ticks {
		if t.Label != "" {
			ticks[i].Label = short(t.Value)
		}
	}
	return ticks
}

// short writes 20k and 10M.
func short(v float64) string {
	for _, unit := range []struct {
		size float64
		name string
	}{{1e6, "M"}, {1e3, "k"}} {
		if math.Abs(v) >= unit.size {
			return strconv.FormatFloat(v/unit.size, 'g', 4, 64) + unit.name
		}
	}
	return strconv.FormatFloat(v, 'g', 4, 64)
}
