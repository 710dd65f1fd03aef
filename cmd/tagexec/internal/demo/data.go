package demo

import (
	"bytes"
	"compress/gzip"
	_ "embed"
	"fmt"
	"io"
)

// data/NOTICE names the authors of the log and how it was converted.
//
//go:embed data/cdnow.csv.gz
var purchasesGzip []byte

// openPurchases returns the purchase log as CSV with a header line.
func openPurchases() (io.Reader, error) {
	r, err := gzip.NewReader(bytes.NewReader(purchasesGzip))
	if err != nil {
		return nil, fmt.Errorf("open embedded purchase log: %w", err)
	}
	return r, nil
}
