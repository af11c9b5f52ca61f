// Bench runs what measures meterd and prints one table: each goal, what was
// measured, what was measured for comparison in the same run, and whether the goal is reached.
// The goals are in goals.tsv, what is run in steps.tsv.
//
//	go run ./bench [-only STEP,…] [-markdown] [-verbose]
//
// It fails where a goal does not hold or was not measured. Times depend on the
// machine: goals are ratios and counts where that is possible.
package main

import (
	"bytes"
	_ "embed"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"
)

//go:embed goals.tsv
var goalsTable string

//go:embed steps.tsv
var stepsTable string

// step is a command whose output holds figures.
type step struct {
	name, command string
}

// goal is one figure.
type goal struct {
	what   string
	step   string
	figure *regexp.Regexp // its first group is the figure
	bound  string         // "<= 2", ">= 5", "= 0"; "": it is told alone
	unit   string
	beside string // a text; %s stands for what the next matches in the same run
	peer   *regexp.Regexp
}

// row is a line of the table.
type row struct{ what, measured, goal, beside, holds string }

func main() {
	only := flag.String("only", "", "run these steps alone")
	markdown := flag.Bool("markdown", false, "print the table for BENCHMARKS.md")
	verbose := flag.Bool("verbose", false, "print what each step prints")
	flag.Parse()
	steps, err := readSteps(stepsTable)
	if err == nil {
		var goals []goal
		if goals, err = readGoals(goalsTable, steps); err == nil {
			err = run(os.Stdout, os.Stderr, steps, goals, strings.FieldsFunc(*only, func(r rune) bool { return r == ',' }), *markdown, *verbose)
		}
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
}

// rows gives the lines of a table with the given number of columns.
func rows(table string, columns int) (all [][]string, err error) {
	for i, line := range strings.Split(table, "\n") {
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		cells := strings.Split(line, "\t")
		if len(cells) != columns {
			return nil, fmt.Errorf("line %d has %d columns, want %d: %q", i+1, len(cells), columns, line)
		}
		all = append(all, cells)
	}
	return all, nil
}

func readSteps(table string) (all []step, err error) {
	lines, err := rows(table, 2)
	for _, c := range lines {
		all = append(all, step{c[0], c[1]})
	}
	return all, err
}

func readGoals(table string, steps []step) (all []goal, err error) {
	lines, err := rows(table, 7)
	if err != nil {
		return nil, err
	}
	for _, c := range lines {
		g := goal{what: c[0], step: c[1], bound: c[3], unit: c[4], beside: c[5]}
		if !slices.ContainsFunc(steps, func(s step) bool { return s.name == g.step }) {
			return nil, fmt.Errorf("%s: there is no step %q", g.what, g.step)
		}
		if g.figure, err = regexp.Compile(c[2]); err != nil || g.figure.NumSubexp() != 1 {
			return nil, fmt.Errorf("%s: %q has no one group: %v", g.what, c[2], err)
		}
		if c[6] != "" {
			if g.peer, err = regexp.Compile(c[6]); err != nil || g.peer.NumSubexp() != 1 {
				return nil, fmt.Errorf("%s: %q has no one group: %v", g.what, c[6], err)
			}
		}
		if g.bound != "" {
			if _, err := holds(0, g.bound); err != nil {
				return nil, fmt.Errorf("%s: %w", g.what, err)
			}
		}
		all = append(all, g)
	}
	return all, nil
}

// holds reports whether a figure is within a bound like "<= 2".
func holds(v float64, bound string) (bool, error) {
	relation, text, _ := strings.Cut(bound, " ")
	limit, err := strconv.ParseFloat(text, 64)
	if err != nil {
		return false, fmt.Errorf("the goal %q is no number", bound)
	}
	switch relation {
	case "<=":
		return v <= limit, nil
	case ">=":
		return v >= limit, nil
	case "=":
		return v == limit, nil
	}
	return false, fmt.Errorf("the goal %q has no relation", bound)
}

func run(out, progress io.Writer, steps []step, goals []goal, only []string, markdown, verbose bool) error {
	var table []row
	failed := 0
	for _, s := range steps {
		if len(only) > 0 && !slices.Contains(only, s.name) {
			continue
		}
		began := time.Now()
		fmt.Fprintf(progress, "== %s: %s\n", s.name, s.command)
		said, err := perform(s)
		fmt.Fprintf(progress, "   %v\n", time.Since(began).Round(time.Second))
		if verbose || err != nil {
			progress.Write(said)
		}
		if err != nil {
			fmt.Fprintf(progress, "error: %s: %v\n", s.name, err)
		}
		for _, g := range goals {
			if g.step != s.name {
				continue
			}
			r, ok := measure(g, string(said))
			table = append(table, r)
			if !ok {
				failed++
			}
		}
	}
	printTable(out, table, markdown)
	if failed > 0 {
		return fmt.Errorf("%d goals do not hold or were not measured", failed)
	}
	return nil
}

func perform(s step) ([]byte, error) {
	var out bytes.Buffer
	cmd := exec.Command("sh", "-c", s.command)
	cmd.Stdout, cmd.Stderr = &out, &out
	err := cmd.Run()
	return out.Bytes(), err
}

// measure finds a goal's figure in what a step has printed. It is ok if it is
// there and within its bound.
func measure(g goal, said string) (r row, ok bool) {
	r = row{what: g.what, goal: g.bound, beside: g.beside, measured: "not measured", holds: "NO"}
	found := g.figure.FindStringSubmatch(said)
	if found == nil {
		return r, false
	}
	r.measured = strings.TrimSpace(found[1] + " " + g.unit)
	if g.peer != nil {
		peer := "not measured"
		if p := g.peer.FindStringSubmatch(said); p != nil {
			peer = p[1]
		}
		r.beside = strings.Replace(g.beside, "%s", peer, 1)
	}
	if g.bound == "" {
		r.holds = ""
		return r, true
	}
	v, err := strconv.ParseFloat(strings.ReplaceAll(found[1], ",", ""), 64)
	if err != nil {
		return r, false
	}
	if ok, _ = holds(v, g.bound); ok {
		r.holds = "yes"
	}
	return r, ok
}

func printTable(out io.Writer, table []row, markdown bool) {
	fmt.Fprintf(out, "\n%s, %s/%s, %d processors, %s\n\n", time.Now().UTC().Format(time.DateOnly), runtime.GOOS, runtime.GOARCH, runtime.NumCPU(), runtime.Version())
	if markdown {
		fmt.Fprintln(out, "| what | measured | goal | for comparison, in the same run | reached |\n|---|---|---|---|---|")
		for _, r := range table {
			fmt.Fprintf(out, "| %s | %s | %s | %s | %s |\n", r.what, r.measured, r.goal, r.beside, r.holds)
		}
		return
	}
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "WHAT\tMEASURED\tGOAL\tHOLDS\tBESIDE IT IN THE SAME RUN")
	for _, r := range table {
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\n", r.what, r.measured, r.goal, r.holds, r.beside)
	}
	w.Flush()
}
