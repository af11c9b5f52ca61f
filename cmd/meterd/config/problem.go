package config

import (
	"fmt"
	"slices"
	"strings"
)

// Problem is something that is wrong with a configuration.
type Problem struct {
	File    string `json:"file"`
	Line    int    `json:"line"`
	Warning bool   `json:"warning"` // meterd runs all the same
	Text    string `json:"text"`
	Hint    string `json:"hint,omitempty"` // what would be right
	// TextZH and HintZH are the same in Chinese.
	TextZH string `json:"-"`
	HintZH string `json:"-"`
	// Lacking marks a file that the configuration names and that is not there:
	// it may come until meterd runs, but then it must be there.
	Lacking bool `json:"-"`
	// Confined marks what turns a single uplink off. Nobody takes such a
	// configuration over, but a board that has it already goes on reading meters.
	Confined bool `json:"-"`
}

func newProblem(file string, line int, hint, format string, args ...any) Problem {
	return Problem{File: file, Line: line, Text: fmt.Sprintf(format, args...), Hint: hint, TextZH: inChinese(format, args...), HintZH: hintInChinese(hint)}
}

// String gives file:line, what it is, and what would be right.
func (p Problem) String() string { return p.In("en") }

// In gives the same in a language, "en" or "zh".
func (p Problem) In(lang string) string {
	kind, text, hint, what := "error", p.Text, p.Hint, "hint"
	if p.Warning {
		kind = "warning"
	}
	if lang == "zh" && p.TextZH != "" {
		kind, text, hint, what = "错误", p.TextZH, p.HintZH, "提示"
		if p.Warning {
			kind = "警告"
		}
	}
	s := fmt.Sprintf("%s:%d: %s: %s", p.File, p.Line, kind, text)
	if hint != "" {
		s += "\n  " + what + ": " + hint
	}
	return s
}

// Failed reports whether any of the problems is more than a warning.
func Failed(ps []Problem) bool {
	return slices.ContainsFunc(ps, func(p Problem) bool { return !p.Warning })
}

// Unusable reports whether any of the problems keeps meterd from running: each
// that is more than a warning, unless it is confined to an uplink.
func Unusable(ps []Problem) bool {
	return slices.ContainsFunc(ps, func(p Problem) bool { return !p.Warning && !p.Confined })
}

// nearest gives the word that s was probably meant to be, "" if none is
// near.
func nearest(s string, words []string) string {
	best, least := "", 1+max(1, (len(s)+2)/3)
	for _, w := range words {
		if d := distance(s, w); d < least {
			best, least = w, d
		}
	}
	return best
}

// distance counts the letters to insert, delete or replace (Levenshtein).
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost++
			}
			diagonal = row[j+1]
			row[j+1] = min(cost, row[j+1]+1, row[j]+1)
		}
	}
	return row[len(b)]
}

func quoteAll(words []string) string {
	quoted := make([]string, len(words))
	for i, w := range words {
		quoted[i] = fmt.Sprintf("%q", w)
	}
	return strings.Join(quoted, ", ")
}
