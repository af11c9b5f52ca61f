package config

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// document collects what is wrong with one file.
type document struct {
	file     string
	lines    map[string]int
	origins  []origin // of the lines, where the text was assembled
	problems []Problem
	dropped  bool            // more than mostProblems were met
	noted    bool            // what was met last is the last of problems
	left     map[int]bool    // lines that could not be read: their keys are not lacking
	guessed  map[int]bool    // lines that were read as a text, and may be anything
	asked    map[string]bool // keys that were looked up, given or not: uplink.map.to
}

// line gives the line of a path, or of the nearest thing around it.
func (d *document) line(path string) int {
	for {
		if n, ok := d.lines[path]; ok {
			return n
		}
		i := max(strings.LastIndexByte(path, '.'), strings.LastIndexByte(path, '['))
		if i < 0 {
			return 1
		}
		path = path[:i]
	}
}

// where tells people the line of a path; the file is "" where there is but one.
func (d *document) where(path string) place {
	n := d.line(path)
	if n > len(d.origins) {
		return place{line: n}
	}
	return place(d.origins[n-1])
}

// place is where something was written, for people.
type place origin

func (p place) String() string {
	return strings.TrimPrefix(fmt.Sprintf("%s line %d", p.file, p.line), " ")
}

func (p place) chinese() string {
	return strings.TrimPrefix(fmt.Sprintf("%s 第 %d 行", p.file, p.line), " ")
}

// ask notes a key that the program reads.
func (d *document) ask(path string) {
	if d.asked == nil {
		d.asked = map[string]bool{}
	}
	d.asked[places.ReplaceAllString(path, "")] = true
}

// places are those of tables in their lists: [2].
var places = regexp.MustCompile(`\[[0-9]+\]`)

// table is a TOML table. Its look-ups give the default where a key is
// missing, and note a problem where it is wrong.
type table struct {
	doc    *document
	path   string // "meter[1]"
	title  string // for people: [[meter]] "Unit 102"
	values map[string]any
	known  []string // keys that were looked up
}

func (t *table) problem(key, hint, format string, args ...any) {
	t.note(key, false, hint, format, args...)
}

// mostProblems bounds what is told of one file, and the memory for it.
const mostProblems = 1000

func (t *table) note(key string, warning bool, hint, format string, args ...any) {
	path := t.path
	if key != "" {
		path = join(path, key)
	}
	if t.doc.noted = len(t.doc.problems) < mostProblems; !t.doc.noted {
		t.doc.dropped = true
		return
	}
	p := newProblem(t.doc.file, t.doc.line(path), hint, format, args...)
	p.Warning = warning
	t.doc.problems = append(t.doc.problems, p)
}

// confined marks what was noted last as one that turns a single uplink off.
func (t *table) confined() {
	if t.doc.noted {
		t.doc.problems[len(t.doc.problems)-1].Confined = true
	}
}

// lacking marks what was noted last as a file that is not there.
func (t *table) lacking() {
	if t.doc.noted {
		t.doc.problems[len(t.doc.problems)-1].Lacking = true
	}
}

// leave notes that what a line should say has been told to be unreadable.
func (d *document) leave(line int) {
	if d.left == nil {
		d.left = map[int]bool{}
	}
	d.left[line] = true
}

// leftOut reports whether the key is given, in a line that could not be read.
func (t *table) leftOut(key string) bool {
	t.get(key)
	return t.doc.left[t.doc.lines[join(t.path, key)]]
}

// has reports whether the key is given.
func (t *table) has(key string) bool {
	_, ok := t.get(key)
	return ok
}

func (t *table) get(key string) (any, bool) {
	if !slices.Contains(t.known, key) {
		t.known = append(t.known, key)
		t.doc.ask(join(t.path, key))
	}
	v, ok := t.values[key]
	return v, ok
}

// lookup gives a key's value if it has the type T.
func lookup[T any](t *table, key, want string) (T, bool) {
	v, ok := t.get(key)
	if !ok {
		var zero T
		return zero, false
	}
	x, ok := v.(T)
	if !ok && !t.doc.guessed[t.doc.lines[join(t.path, key)]] { // else that line has been told
		t.problem(key, formHint(key, want, v), "%s: %s must be %s, but is %s", t.title, key, want, typeName(v))
	}
	return x, ok
}

// formHint shows the form of a value that is of another kind. The value itself may
// be a secret, unless it is one that was wanted without its quotes.
func formHint(key, want string, v any) string {
	s, quotes := v.(string)
	_, whole := v.(int64)
	switch {
	case want == "a text in quotes" && whole:
		return fmt.Sprintf("write %s = \"…\"", key)
	case want == "a whole number" && quotes && digits.MatchString(s):
		return fmt.Sprintf("write %s = %s, without quotes", key, s)
	case want == "true or false" && truths[strings.ToLower(s)] != "":
		return fmt.Sprintf("write %s = %s, without quotes", key, truths[strings.ToLower(s)])
	case want == "a list of texts" && quotes:
		return fmt.Sprintf("write %s = [\"…\"]", key)
	}
	return ""
}

var digits = regexp.MustCompile(`^[0-9]{1,9}$`)

func typeName(v any) string {
	switch v.(type) {
	case string:
		return "a text in quotes"
	case int64:
		return "a whole number"
	case float64:
		return "a number with decimals"
	case bool:
		return "true or false"
	case []any:
		return "a list"
	case map[string]any, []map[string]any:
		return "a table"
	}
	return "a date or time"
}

func (t *table) str(key, def string) string {
	if s, ok := lookup[string](t, key, "a text in quotes"); ok {
		t.copied(key, s)
		return s
	}
	return def
}

// copiedKeys are what people copy from a platform's page, beside its secrets.
var copiedKeys = []string{"id", "client_id", "username", "product_id", "sub_product_id", "product_key", "sub_product_key", "device", "device_id", "device_name", "model", "sub_model"}

// copied tells of what was copied with a blank at its end, or typed with a Chinese
// keyboard.
func (t *table) copied(key, s string) {
	id := slices.Contains(copiedKeys, key)
	switch {
	case strings.TrimSpace(s) != s && (id || slices.Contains(secretKeys, key)):
		t.note(key, true, "take it out, unless it is meant", "%s: %s ends or begins with a blank", t.title, key)
	case id && narrow(s) != s:
		t.note(key, true, keyboard, "%s: a wide sign of a Chinese keyboard: %s", t.title, firstWide(s))
	}
}

// required is a text that must be there and not be empty.
func (t *table) required(key string) string {
	if t.leftOut(key) {
		return ""
	}
	if !t.has(key) {
		t.problem("", fmt.Sprintf("add %s = \"…\"", key), "%s lacks %s, which is required", t.title, key)
		return ""
	}
	s, ok := lookup[string](t, key, "a text in quotes")
	t.copied(key, s)
	if ok && s == "" {
		t.problem(key, "", "%s: %s is empty", t.title, key)
	}
	return s
}

// requiredTexts is a text that must be there and not be empty, or a list of such.
func (t *table) requiredTexts(key string) []string {
	v, _ := t.get(key)
	if _, many := v.([]any); !many {
		if s := t.required(key); s != "" {
			return []string{s}
		}
		return nil
	}
	texts := t.strings(key)
	if len(texts) == 0 || slices.Contains(texts, "") {
		t.problem(key, "", "%s: %s has an empty place", t.title, key)
		return nil
	}
	return texts
}

// oneOf is a text out of a few; the first is the default.
func (t *table) oneOf(key string, words ...string) string {
	s := t.str(key, words[0])
	if !slices.Contains(words, s) {
		hint := "one of " + quoteAll(words)
		if near := nearest(s, words); near != "" && len(s) > 2 {
			hint = fmt.Sprintf("do you mean %q?", near)
		}
		t.problem(key, hint, "%s: %s = %q is not known", t.title, key, s)
		return words[0]
	}
	return s
}

func (t *table) integer(key string, def, low, high int64) int64 {
	n, ok := lookup[int64](t, key, "a whole number")
	if !ok {
		return def
	}
	if n < low || n > high {
		t.problem(key, "", "%s: %s = %d is not between %d and %d", t.title, key, n, low, high)
		return def
	}
	return n
}

func (t *table) boolean(key string, def bool) bool {
	if b, ok := lookup[bool](t, key, "true or false"); ok {
		return b
	}
	return def
}

// duration is a text like "30s", between low and high.
func (t *table) duration(key string, def, low, high time.Duration) time.Duration {
	s, ok := lookup[string](t, key, `a duration in quotes, like "30s"`)
	if !ok {
		return def
	}
	d, err := time.ParseDuration(s)
	switch {
	case err != nil:
		t.problem(key, `write a number and a unit: "500ms", "30s", "15m", "1h"`, "%s: %s = %q is no duration", t.title, key, s)
		return def
	case d < low || d > high:
		t.problem(key, "", "%s: %s = %q is not between %s and %s", t.title, key, s, Short(low), Short(high))
		return def
	}
	return d
}

// Short writes a duration without units that are zero.
func Short(d time.Duration) string {
	s := d.String()
	for _, zero := range []string{"m0s", "h0m"} {
		if strings.HasSuffix(s, zero) {
			s = s[:len(s)-2]
		}
	}
	return s
}

// auto reports whether the key is given as "auto", which the caller then
// does not look up.
func (t *table) auto(key string) bool {
	v, _ := t.get(key)
	return v == "auto"
}

var sizeUnits = []struct {
	name  string
	bytes int64
}{{"KiB", 1 << 10}, {"MiB", 1 << 20}, {"GiB", 1 << 30}}

// size is a text like "64MiB".
func (t *table) size(key string, def, low int64) int64 {
	s, ok := lookup[string](t, key, `a size in quotes, like "64MiB"`)
	if !ok {
		return def
	}
	n, ok := ParseSize(s)
	switch {
	case !ok:
		t.problem(key, `write a whole number and KiB, MiB or GiB: "64MiB"`, "%s: %s = %q is no size", t.title, key, s)
	case n < low:
		t.problem(key, "", "%s: %s = %q is too small, the least is %d KiB", t.title, key, s, (low+1023)/1024)
	default:
		return n
	}
	return def
}

// ParseSize reads a size such as 64MiB, in bytes.
func ParseSize(s string) (n int64, ok bool) {
	for _, u := range sizeUnits {
		digits, ok := strings.CutSuffix(s, u.name)
		n, err := strconv.ParseInt(strings.TrimSpace(digits), 10, 32)
		if ok && err == nil && n > 0 {
			return n * u.bytes, true
		}
	}
	return 0, false
}

func (t *table) strings(key string) []string {
	list, ok := lookup[[]any](t, key, "a list of texts")
	if !ok {
		return nil
	}
	var out []string
	for _, v := range list {
		s, ok := v.(string)
		if !ok {
			t.problem(key, "", "%s: %s must hold texts in quotes, but one is %s", t.title, key, typeName(v))
			continue
		}
		out = append(out, s)
	}
	return out
}

// sub gives a table within this one, an empty one if it is missing.
func (t *table) sub(key, title string) *table {
	s := &table{doc: t.doc, path: join(t.path, key), title: title}
	if v, _ := t.get(key); v != nil {
		if _, many := v.([]map[string]any); many {
			t.problem(key, "write "+title[max(0, strings.LastIndex(title, "[")):]+", in single brackets, once", "%s is one table and no array of tables", title)
			return s
		}
	}
	s.values, _ = lookup[map[string]any](t, key, "a table")
	return s
}

// list gives the tables of an array of tables.
func (t *table) list(key, title string) []*table {
	v, ok := t.get(key)
	if !ok {
		return nil
	}
	list, ok := v.([]map[string]any)
	if !ok {
		t.problem(key, fmt.Sprintf("write %s, in double brackets, before each", title), "%s must be an array of tables", title)
		return nil
	}
	var out []*table
	for i, values := range list {
		s := &table{doc: t.doc, path: fmt.Sprintf("%s[%d]", join(t.path, key), i), title: title, values: values}
		if name, ok := values["name"].(string); ok {
			s.title = fmt.Sprintf("%s %q", title, name)
		}
		out = append(out, s)
	}
	return out
}

// finish notes the keys that nobody looked up.
func (t *table) finish() {
	var unknown []string
	for key := range t.values {
		if !slices.Contains(t.known, key) {
			unknown = append(unknown, key)
		}
	}
	slices.Sort(unknown)
	for _, key := range unknown {
		hint := "known here: " + strings.Join(t.known, ", ")
		if near := nearest(key, t.known); near != "" {
			hint = fmt.Sprintf("do you mean %q?", near)
		}
		if _, is := t.values[key].(map[string]any); is && t.path == "" && slices.ContainsFunc(kinds, func(k kind) bool { return k.table == key }) {
			hint = fmt.Sprintf("write [uplink.%s], after its [[uplink]]", key)
		}
		t.problem(key, hint, "%s: unknown key %q", t.title, key)
	}
}
