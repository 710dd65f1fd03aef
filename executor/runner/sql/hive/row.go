package hive

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"math"
	"strconv"
	"strings"

	"github.com/beltran/gohive/hiveserver"

	"github.com/tagexec/tagexec/executor/runner/sql"
	"github.com/tagexec/tagexec/executor/runner/strictjson"
)

// firstRow fetches one row, and makes a JSON object of it; nil if there is none, or it
// is too long for a result.
func (s *session) firstRow(ctx context.Context, operation *hiveserver.TOperationHandle) (json.RawMessage, error) {
	about, err := s.conn.client.GetResultSetMetadata(ctx, &hiveserver.TGetResultSetMetadataReq{OperationHandle: operation})
	if err == nil {
		err = refused(about.Status)
	}
	if err != nil || about.Schema == nil || len(about.Schema.Columns) == 0 {
		return nil, err
	}
	answer, err := s.conn.client.FetchResults(ctx, &hiveserver.TFetchResultsReq{
		OperationHandle: operation, Orientation: hiveserver.TFetchOrientation_FETCH_NEXT, MaxRows: 1,
	})
	if err == nil {
		err = refused(answer.Status)
	}
	if err != nil || answer.Results == nil {
		return nil, err
	}
	names := make([]string, len(about.Schema.Columns))
	values := make([]json.RawMessage, len(names))
	size := 0
	for i, column := range about.Schema.Columns {
		if i >= len(answer.Results.Columns) {
			return nil, nil
		}
		value, ok := valueOf(answer.Results.Columns[i], typeOf(column))
		if !ok {
			return nil, nil // no row
		}
		names[i], values[i] = column.ColumnName, value
		size += len(value)
	}
	if size > sql.MaxRow {
		return nil, errTooLong
	}
	row, err := sql.Object(names, values)
	if err != nil {
		return nil, err
	}
	return sql.Fits(row, s.job.Output), nil
}

func typeOf(column *hiveserver.TColumnDesc) hiveserver.TTypeId {
	if types := column.TypeDesc.GetTypes(); len(types) > 0 && types[0].PrimitiveEntry != nil {
		return types[0].PrimitiveEntry.Type
	}
	return hiveserver.TTypeId_STRING_TYPE
}

var null = json.RawMessage("null")

// valueOf returns the first value of a column; false if it has none.
func valueOf(c *hiveserver.TColumn, of hiveserver.TTypeId) (json.RawMessage, bool) {
	pick := func(n int, nulls []byte, value func() json.RawMessage) (json.RawMessage, bool) {
		if n > 0 && len(nulls) > 0 && nulls[0]&1 != 0 {
			return null, true
		}
		if n == 0 {
			return nil, false
		}
		return value(), true
	}
	integer := func(v int64) json.RawMessage { return strconv.AppendInt(nil, v, 10) }
	switch {
	case c.BoolVal != nil:
		return pick(len(c.BoolVal.Values), c.BoolVal.Nulls, func() json.RawMessage { return strconv.AppendBool(nil, c.BoolVal.Values[0]) })
	case c.ByteVal != nil:
		return pick(len(c.ByteVal.Values), c.ByteVal.Nulls, func() json.RawMessage { return integer(int64(c.ByteVal.Values[0])) })
	case c.I16Val != nil:
		return pick(len(c.I16Val.Values), c.I16Val.Nulls, func() json.RawMessage { return integer(int64(c.I16Val.Values[0])) })
	case c.I32Val != nil:
		return pick(len(c.I32Val.Values), c.I32Val.Nulls, func() json.RawMessage { return integer(int64(c.I32Val.Values[0])) })
	case c.I64Val != nil:
		return pick(len(c.I64Val.Values), c.I64Val.Nulls, func() json.RawMessage { return integer(c.I64Val.Values[0]) })
	case c.DoubleVal != nil:
		return pick(len(c.DoubleVal.Values), c.DoubleVal.Nulls, func() json.RawMessage { return float(c.DoubleVal.Values[0], of) })
	case c.BinaryVal != nil:
		return pick(len(c.BinaryVal.Values), c.BinaryVal.Nulls, func() json.RawMessage {
			return strictjson.OfText(base64.StdEncoding.EncodeToString(c.BinaryVal.Values[0]))
		})
	case c.StringVal != nil:
		return pick(len(c.StringVal.Values), c.StringVal.Nulls, func() json.RawMessage { return text(c.StringVal.Values[0], of) })
	}
	return nil, false
}

// float writes the shortest text that is this number again; NaN and infinity as text.
func float(v float64, of hiveserver.TTypeId) json.RawMessage {
	bits := 64
	if of == hiveserver.TTypeId_FLOAT_TYPE {
		bits = 32
	}
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return strictjson.OfText(strconv.FormatFloat(v, 'g', -1, bits))
	}
	return strconv.AppendFloat(nil, v, 'g', -1, bits)
}

// text is what the server writes as text: decimals, times, and what has parts.
func text(s string, of hiveserver.TTypeId) json.RawMessage {
	raw := []byte(s)
	switch of {
	case hiveserver.TTypeId_DECIMAL_TYPE, hiveserver.TTypeId_ARRAY_TYPE, hiveserver.TTypeId_MAP_TYPE, hiveserver.TTypeId_STRUCT_TYPE:
		if json.Valid(raw) {
			return bytes.TrimSpace(raw)
		}
	case hiveserver.TTypeId_TIMESTAMP_TYPE:
		return strictjson.OfText(strings.Replace(s, " ", "T", 1))
	}
	return strictjson.OfText(s)
}
