package config

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"meterd/dlt645"
)

// columns are the keys of a [[meter]], in the order in which a table has them.
var columns = []string{"name", "address", "bus", "profile", "protocol", "ct", "pt", "password", "operator", "max_power", "allow", "relay.trip", "relay.permit", "relay.close"}

// headings are other words for them.
var headings = map[string]string{
	"名称": "name", "表名": "name", "电表名称": "name", "用户": "name", "房号": "name",
	"表号": "address", "地址": "address", "表地址": "address", "电表地址": "address", "通信地址": "address", "通讯地址": "address",
	"总线": "bus", "线路": "bus", "端口": "bus", "方案": "profile", "模板": "profile", "档案": "profile",
	"规约": "protocol", "协议": "protocol", "电流变比": "ct", "电压变比": "pt", "电流互感器": "ct", "电压互感器": "pt", "电流互感器变比": "ct", "电压互感器变比": "pt", "ct变比": "ct", "pt变比": "pt", "密码": "password", "操作员": "operator", "操作者": "operator",
	"最大功率": "max_power", "允许": "allow", "拉闸": "relay.trip", "允许合闸": "relay.permit", "合闸": "relay.close",
}

// needs are those that a meter must have.
var needs = columns[:4]

// row is a meter in a table: its cells as TOML values, by key. The value "" is
// that of a cell that could not be read, which has been told.
type row struct {
	line  int
	cells map[string]string
}

const (
	mostRows = 2048
	mostCell = 256 // bytes
)

// readSheet reads a table of meters as Excel writes it: a heading for each
// column, and a meter in each row. Commas, semicolons or tabs part its cells,
// whichever the headings have most of.
func readSheet(name, text string) (rows []row, problems []Problem) {
	wrong := func(line int, hint, format string, args ...any) {
		problems = append(problems, newProblem(name, line, hint, format, args...))
	}
	head, _, _ := strings.Cut(strings.TrimLeft(text, "\r\n"), "\n")
	r := csv.NewReader(strings.NewReader(text))
	r.FieldsPerRecord, r.ReuseRecord, r.LazyQuotes = -1, true, true
	r.Comma = slices.MaxFunc([]rune{',', ';', '\t'}, func(a, b rune) int { return strings.Count(head, string(a)) - strings.Count(head, string(b)) })
	var keys []string
	for {
		record, err := r.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			line := 1
			if at, ok := errors.AsType[*csv.ParseError](err); ok {
				line, err = at.Line, at.Err
			}
			wrong(line, "save it from the spreadsheet anew, as CSV", "the table cannot be read here: %v", err)
			return rows, problems
		}
		line, _ := r.FieldPos(0)
		if !slices.ContainsFunc(record, func(s string) bool { return cell(s) != "" }) {
			continue
		}
		if keys == nil {
			if keys = readHeadings(record, line, wrong); keys == nil {
				return nil, problems
			}
			continue
		}
		if len(rows) == mostRows {
			wrong(line, "", "more than %d meters", mostRows)
			return rows, problems
		}
		rows = append(rows, readRow(keys, record, line, wrong))
	}
	if len(rows) == 0 && len(problems) == 0 {
		wrong(1, "a row of headings (name, address, …), and one for each meter", "the table holds no meter")
	}
	return rows, problems
}

// cell gives what a cell holds, without what spreadsheets put around: ="0012"
// and '0012 keep zeros.
func cell(s string) string {
	s = strings.TrimSpace(strings.TrimPrefix(s, "\ufeff"))
	if inner, ok := strings.CutPrefix(s, `="`); ok {
		s = strings.TrimSuffix(inner, `"`)
	}
	return strings.TrimSpace(strings.TrimPrefix(s, "'"))
}

// noColumn stands for the key of a column that there is none for.
const noColumn = "?"

// readHeadings gives the key of each column, "" for one without a heading; nil
// where they are none.
func readHeadings(record []string, line int, wrong func(int, string, string, ...any)) []string {
	keys := make([]string, len(record))
	known := false
	for i, s := range record {
		s = cell(s)
		key := strings.ToLower(narrow(s))
		if other, ok := headings[key]; ok {
			key = other
		}
		switch {
		case s == "":
		case !slices.Contains(columns, key):
			hint := "known are " + strings.Join(columns, ", ")
			if near := nearest(key, columns); near != "" {
				hint = fmt.Sprintf("do you mean %q?", near)
			}
			wrong(line, hint, "there is no column %q", brief(s))
			keys[i] = noColumn
		case slices.Contains(keys[:i], key):
			wrong(line, "", "two columns are %s", key)
		default:
			keys[i], known = key, true
		}
	}
	if !known {
		wrong(line, "a row of headings (name, address, …), and one for each meter", "the first row names no column")
		return nil
	}
	return keys
}

// readRow gives the cells of a row as TOML values. A cell that is empty is none.
func readRow(keys, record []string, line int, wrong func(int, string, string, ...any)) row {
	r := row{line: line, cells: map[string]string{}}
	for i, s := range record {
		s = cell(s)
		switch {
		case s == "":
			continue
		case i < len(keys) && keys[i] == noColumn: // which has been told
			continue
		case i >= len(keys) || keys[i] == "":
			wrong(line, "is a sign too much between two cells?", "%q stands under no heading", brief(s))
			continue
		case len(s) > mostCell:
			r.unread(keys[i])
			wrong(line, "", "%s has %d bytes, at most %d are read", keys[i], len(s), mostCell)
			continue
		case unprintable(s):
			r.unread(keys[i])
			wrong(line, "", "%s holds characters that cannot be printed", keys[i])
			continue
		}
		key := keys[i]
		if key != "name" && key != "bus" && key != "profile" {
			s = narrow(s)
		}
		switch key {
		case "ct", "pt":
			n := strings.TrimSuffix(strings.TrimSuffix(s, "/1"), ".0")
			d, err := dlt645.ParseDecimal(n)
			if err != nil || d.Scale != 0 {
				wrong(line, ratioHint, "%s = %q is no ratio", key, brief(s))
				continue
			}
			r.cells[key] = fmt.Sprint(d.Coef)
		case "allow":
			var all []any
			for word := range strings.FieldsFuncSeq(s, func(r rune) bool { return strings.ContainsRune(" ,;/|+、", r) }) {
				all = append(all, word)
			}
			r.cells[key] = tomlValue(all)
		case "address":
			if strings.ContainsAny(s, "Ee.") && strings.Trim(s, "0123456789Ee.+") == "" {
				r.unread(key)
				wrong(line, "the spreadsheet has rounded it: format the column as text, and type it again", "address %q is a number with an exponent or decimals", brief(s))
				continue
			}
			r.cells[key] = quoted(s)
		default:
			r.cells[key] = quoted(s)
		}
	}
	return r
}

// unread notes that the cell of a key is there and could not be read.
func (r *row) unread(key string) {
	if slices.Contains(needs, key) {
		r.cells[key] = ""
	}
}

// brief gives what fits into a line about it.
func brief(s string) string {
	const most = 24
	if r := []rune(s); len(r) > most {
		return string(r[:most]) + "…"
	}
	return s
}

// WriteSheet writes meters as a table in the form that [[meters]] reads. Columns
// in which no meter has anything but the default are left out. It begins with
// the mark by which Excel knows UTF-8, where it is needed.
func WriteSheet(w io.Writer, meters []Meter) error {
	rows := [][]string{}
	used := map[string]bool{"name": true, "address": true, "bus": true, "profile": true, "protocol": true}
	ascii := true
	for _, m := range meters {
		cells := sheetCells(m)
		var record []string
		for _, key := range columns {
			record = append(record, cells[key])
			used[key] = used[key] || cells[key] != ""
			ascii = ascii && !strings.ContainsFunc(cells[key], func(r rune) bool { return r > 0x7E })
		}
		rows = append(rows, record)
	}
	if !ascii {
		if _, err := io.WriteString(w, "\ufeff"); err != nil {
			return err
		}
	}
	out := csv.NewWriter(w)
	for _, record := range append([][]string{columns}, rows...) {
		var kept []string
		for i, key := range columns {
			if used[key] {
				kept = append(kept, record[i])
			}
		}
		if err := out.Write(kept); err != nil {
			return err
		}
	}
	out.Flush()
	return out.Error()
}

// sheetCells gives what a [[meter]] says, by key; "" is the default.
func sheetCells(m Meter) map[string]string {
	cells := map[string]string{"name": m.Name, "address": m.Address.String(), "bus": m.Bus, "profile": m.Profile, "protocol": m.Protocol.String()}
	if m.Auto {
		cells["protocol"] = "auto"
	}
	for key, n := range map[string]int64{"ct": m.CT, "pt": m.PT} {
		if n != 1 {
			cells[key] = fmt.Sprint(n)
		}
	}
	if m.HasPassword {
		cells["password"] = fmt.Sprintf("%X", m.Access.Password)
	}
	if m.Access.Operator != [4]byte{} {
		cells["operator"] = fmt.Sprintf("%X", m.Access.Operator)
	}
	if m.MaxPower.Coef != 0 {
		cells["max_power"] = m.MaxPower.String() + "kW"
	}
	var allow []string
	for _, o := range m.Allow {
		allow = append(allow, string(o))
	}
	cells["allow"] = strings.Join(allow, " ")
	for key, c := range map[string]dlt645.Command{"relay.trip": dlt645.CommandTrip, "relay.permit": dlt645.CommandPermit, "relay.close": dlt645.CommandClose} {
		if n, ok := m.Codes[c]; ok {
			cells[key] = fmt.Sprintf("%02X", byte(n))
		}
	}
	return cells
}
