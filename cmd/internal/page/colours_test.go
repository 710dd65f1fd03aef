package page

import (
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// Somebody who does not see red from green (deuteranopia, Machado, Oliveira and Fernandes
// 2009) tells the states apart by their colours, and everybody reads them on what they
// stand on. Glyph and word say it too.
func TestColoursOfStatesAreApart(t *testing.T) {
	t.Parallel()
	sheet, err := assetFiles.ReadFile("assets/page.css")
	if err != nil {
		t.Fatal(err)
	}
	pair := regexp.MustCompile(`--(\w+): light-dark\(#(\w{6}), #(\w{6})\)`)
	for theme := range 2 {
		colours := map[string]rgb{}
		for _, m := range pair.FindAllStringSubmatch(string(sheet), -1) {
			colours[m[1]] = parse(t, m[2+theme])
		}
		states := strings.Fields("ok bad run wait off")
		for i, a := range states {
			for _, b := range states[i+1:] {
				for sees, eye := range map[string]func(rgb) rgb{"all": func(c rgb) rgb { return c }, "no green": deuteranopic} {
					if d := distance(eye(colours[a]), eye(colours[b])); d <= 10 {
						t.Errorf("theme %d, to who sees %s: %s and %s are only %.1f apart", theme, sees, a, b, d)
					}
				}
			}
			for _, ground := range []string{"ground", "raised", "hover"} {
				if c := contrast(colours[a], colours[ground]); c < 4.5 {
					t.Errorf("theme %d: %s on %s has a contrast of %.1f", theme, a, ground, c)
				}
			}
		}
	}
}

// rgb is a colour in linear light, from 0 to 1.
type rgb [3]float64

func parse(t *testing.T, hex string) (c rgb) {
	t.Helper()
	for i := range c {
		n, err := strconv.ParseUint(hex[2*i:2*i+2], 16, 8)
		if err != nil {
			t.Fatal(fmt.Errorf("#%s: %w", hex, err))
		}
		if v := float64(n) / 255; v <= 0.04045 {
			c[i] = v / 12.92
		} else {
			c[i] = math.Pow((v+0.055)/1.055, 2.4)
		}
	}
	return c
}

func multiply(m [3]rgb, c rgb) (product rgb) {
	for i, row := range m {
		for j := range c {
			product[i] += row[j] * c[j]
		}
	}
	return product
}

func deuteranopic(c rgb) rgb {
	c = multiply([3]rgb{{0.367322, 0.860646, -0.227968}, {0.280085, 0.672501, 0.047413}, {-0.011820, 0.042940, 0.968881}}, c)
	for i := range c {
		c[i] = min(1, max(0, c[i]))
	}
	return c
}

// distance is that of CIE 1976 in L*a*b*.
func distance(a, b rgb) float64 {
	x, y := lab(a), lab(b)
	return math.Hypot(math.Hypot(x[0]-y[0], x[1]-y[1]), x[2]-y[2])
}

func lab(c rgb) rgb {
	white := rgb{0.95047, 1, 1.08883}
	xyz := multiply([3]rgb{{0.4124564, 0.3575761, 0.1804375}, {0.2126729, 0.7151522, 0.0721750}, {0.0193339, 0.1191920, 0.9503041}}, c)
	for i := range xyz {
		if v := xyz[i] / white[i]; v > 216.0/24389 {
			xyz[i] = math.Cbrt(v)
		} else {
			xyz[i] = (24389.0/27*v + 16) / 116
		}
	}
	return rgb{116*xyz[1] - 16, 500 * (xyz[0] - xyz[1]), 200 * (xyz[1] - xyz[2])}
}

func contrast(a, b rgb) float64 {
	light := func(c rgb) float64 { return 0.2126*c[0] + 0.7152*c[1] + 0.0722*c[2] + 0.05 }
	return max(light(a), light(b)) / min(light(a), light(b))
}
