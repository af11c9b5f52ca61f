package config

import (
	"fmt"
	"strings"
)

// findLines tells the line of each table and key of a text that the TOML
// library has accepted: "meter[1].address", "profile[0].poll[2]". What stands
// in an inline table or array has no entry; its key's line serves.
func findLines(text string) map[string]int {
	found := map[string]int{}
	count := map[string]int{} // tables of an array so far
	table := ""
	var open opened
	for i, line := range strings.Split(text, "\n") {
		if open.value() {
			open.scan(line)
			continue
		}
		line = strings.TrimSpace(line)
		switch {
		case line == "" || line[0] == '#':
		case strings.HasPrefix(line, "[["):
			name, _, _ := strings.Cut(line[2:], "]]")
			path := resolve(splitKey(name), count)
			table = fmt.Sprintf("%s[%d]", path, count[path])
			if count[path] == 0 {
				found[path] = i + 1
			}
			count[path]++
			found[table] = i + 1
		case line[0] == '[':
			name, _, _ := strings.Cut(line[1:], "]")
			table = resolve(splitKey(name), count)
			found[table] = i + 1
		default:
			key, value, _ := cutKey(line)
			path := table
			for _, part := range splitKey(key) {
				path = join(path, part)
				if found[path] == 0 {
					found[path] = i + 1
				}
			}
			open.scan(value)
		}
	}
	return found
}

func join(table, key string) string {
	if table == "" {
		return key
	}
	return table + "." + key
}

// resolve names a table: an array that the name passes through stands for
// its last table so far.
func resolve(parts []string, count map[string]int) string {
	path := ""
	for i, p := range parts {
		path = join(path, p)
		if n := count[path]; n > 0 && i < len(parts)-1 {
			path = fmt.Sprintf("%s[%d]", path, n-1)
		}
	}
	return path
}

// cutKey splits "key = value" at the equals sign that is not in quotes.
func cutKey(line string) (key, value string, ok bool) {
	var quote byte
	for i := range len(line) {
		switch c := line[i]; {
		case quote != 0:
			if c == quote {
				quote = 0
			}
		case c == '"' || c == '\'':
			quote = c
		case c == '=':
			return line[:i], line[i+1:], true
		}
	}
	return line, "", false
}

// splitKey takes a dotted key apart and the quotes off its parts.
func splitKey(key string) []string {
	var parts []string
	var quote byte
	part := ""
	for i := range len(key) {
		switch c := key[i]; {
		case quote != 0 && c == quote:
			quote = 0
		case quote == 0 && (c == '"' || c == '\''):
			quote = c
		case quote == 0 && c == '.':
			parts = append(parts, part)
			part = ""
		case quote == 0 && (c == ' ' || c == '\t'):
		default:
			part += string(c)
		}
	}
	return append(parts, part)
}

// opened is a value that goes on in the next line: a multi-line string, or
// an array or inline table whose bracket is open.
type opened struct {
	quote string // """ or '''
	depth int
}

func (o *opened) value() bool { return o.quote != "" || o.depth > 0 }

func (o *opened) scan(s string) {
	for i := 0; i < len(s); i++ {
		rest := s[i:]
		switch {
		case o.quote != "":
			if o.quote[0] == '"' && rest[0] == '\\' {
				i++
			} else if strings.HasPrefix(rest, o.quote) {
				i += len(o.quote) - 1
				o.quote = ""
			}
		case strings.HasPrefix(rest, `"""`), strings.HasPrefix(rest, "'''"):
			o.quote = rest[:3]
			i += 2
		case rest[0] == '"' || rest[0] == '\'':
			o.quote = rest[:1]
		case rest[0] == '[' || rest[0] == '{':
			o.depth++
		case rest[0] == ']' || rest[0] == '}':
			o.depth--
		case rest[0] == '#':
			return
		}
	}
	if len(o.quote) == 1 { // a string of one line ends with it
		o.quote = ""
	}
}
