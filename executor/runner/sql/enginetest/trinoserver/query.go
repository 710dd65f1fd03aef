package trinoserver

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/tagexec/tagexec/executor/runner/sql/enginetest"
)

// Query runs a statement as an administrator, and returns its rows, values between tabs.
func (s *Server) Query(t testing.TB, statement string) []string {
	t.Helper()
	rows, err := s.query(statement)
	if err != nil {
		t.Fatalf("%s: %v", statement, err)
	}
	return rows
}

func (s *Server) query(statement string) (rows []string, err error) {
	method, where := http.MethodPost, "http://"+s.address+"/v1/statement"
	for where != "" {
		request, err := http.NewRequest(method, where, strings.NewReader(statement))
		if err != nil {
			return nil, err
		}
		for name, value := range map[string]string{"User": "admin", "Catalog": "memory", "Schema": "default"} {
			request.Header.Set("X-Trino-"+name, value)
		}
		var page struct {
			NextURI string
			Data    [][]any
			Error   *struct{ Message string }
		}
		answer, err := enginetest.Client.Do(request)
		if err != nil {
			return nil, err
		}
		decoder := json.NewDecoder(answer.Body)
		decoder.UseNumber()
		err = decoder.Decode(&page)
		_ = answer.Body.Close()
		if err != nil {
			return nil, err
		}
		if page.Error != nil {
			return nil, fmt.Errorf("%s", page.Error.Message)
		}
		for _, row := range page.Data {
			rows = append(rows, tabbed(row))
		}
		method, where, statement = http.MethodGet, page.NextURI, ""
	}
	return rows, nil
}

func tabbed(row []any) string {
	texts := make([]string, len(row))
	for i, value := range row {
		texts[i] = fmt.Sprint(value)
	}
	return strings.Join(texts, "\t")
}
