package main

import (
	"math"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// The tables that are run can be read, and each step has a goal.
func TestTheTablesAreSound(t *testing.T) {
	steps, err := readSteps(stepsTable)
	if err != nil {
		t.Fatal(err)
	}
	goals, err := readGoals(goalsTable, steps)
	if err != nil {
		t.Fatal(err)
	}
	of := map[string]int{}
	for _, g := range goals {
		of[g.step]++
	}
	for _, s := range steps {
		if of[s.name] == 0 {
			t.Errorf("nobody looks at what %s prints", s.name)
		}
	}
}

func TestAGoalHoldsOrNot(t *testing.T) {
	steps := []step{{"s", "true"}}
	for _, c := range []struct {
		row, said, measured, beside, holds string
		ok                                 bool
	}{
		{"w\ts\tB\\s+([\\d.]+) x\t>= 5\ttimes\tplain\t", "B  5.0 x", "5.0 times", "plain", "yes", true},
		{"w\ts\tB\\s+([\\d.]+) x\t>= 5\ttimes\tplain\t", "B  4.9 x", "4.9 times", "plain", "NO", false},
		{"w\ts\tB\\s+([\\d.]+) x\t<= 5\t\ta loop: %s\tC\\s+(\\d+)", "B  5 x\nC 7", "5", "a loop: 7", "yes", true},
		{"w\ts\tB\\s+([\\d.]+) x\t<= 5\t\ta loop: %s\tC\\s+(\\d+)", "B  5 x", "5", "a loop: not measured", "yes", true},
		{"w\ts\tB\\s+([\\d.]+) x\t= 0\t\t\t", "", "not measured", "", "NO", false},
		{"w\ts\tB\\s+([\\d.]+) x\t\t\t\t", "B 1 x", "1", "", "", true},
	} {
		goals, err := readGoals(c.row, steps)
		if err != nil {
			t.Fatal(err)
		}
		r, ok := measure(goals[0], c.said)
		if ok != c.ok || r.measured != c.measured || r.beside != c.beside || r.holds != c.holds {
			t.Errorf("%q of %q: %+v, %v", c.row, c.said, r, ok)
		}
	}
	for _, bad := range []string{"w\tno\t(x)\t\t\t\t", "w\ts\tx\t\t\t\t", "w\ts\t(x)\tabout 5\t\t\t", "w\ts"} {
		if _, err := readGoals(bad, steps); err == nil {
			t.Errorf("%q is taken", bad)
		}
	}
}

// What does not hold is told at the end.
func TestAFailedGoalIsAnError(t *testing.T) {
	var out, progress strings.Builder
	goals, err := readGoals("what\ts\tgot (\\d+)\t>= 5\t\t\t", []step{{"s", "echo got 4"}})
	if err != nil {
		t.Fatal(err)
	}
	err = run(&out, &progress, []step{{"s", "echo got 4"}}, goals, nil, false, false)
	if err == nil || !strings.Contains(out.String(), "what  4") {
		t.Errorf("%v: %s", err, &out)
	}
	if err := run(&out, &progress, []step{{"s", "echo got 5"}}, goals, nil, true, false); err != nil || !strings.Contains(out.String(), "| what | 5 | >= 5 |  | yes |") {
		t.Errorf("%v: %s", err, &out)
	}
}

// The README quotes what stands in the dated copy, rounded, and nothing else.
func TestTheReadmeQuotesTheDatedRun(t *testing.T) {
	read := func(path string) string {
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	number := regexp.MustCompile(`\d+(\.\d+)?`)
	var printed []float64
	for _, text := range number.FindAllString(read("../BENCHMARKS.md"), -1) {
		v, _ := strconv.ParseFloat(text, 64)
		printed = append(printed, v)
	}
	for readme, heading := range map[string]string{"../README.md": "\n## Ten figures\n", "../README.zh-CN.md": "\n## 十个数据\n"} {
		_, section, found := strings.Cut(read(readme), heading)
		section, _, _ = strings.Cut(section, "\n## ")
		rows := 0
		for line := range strings.Lines(section) {
			cells := strings.Split(line, "|")
			if len(cells) != 4 || strings.HasPrefix(line, "|---") {
				continue
			}
			rows++
			for _, text := range number.FindAllString(cells[2], -1) {
				_, decimals, _ := strings.Cut(text, ".")
				step := math.Pow10(-len(decimals))
				v, _ := strconv.ParseFloat(text, 64)
				if !slices.ContainsFunc(printed, func(p float64) bool { return math.Abs(p-v) <= 0.5*step+1e-9 }) {
					t.Errorf("%s: %s of %q is not in BENCHMARKS.md", readme, text, strings.TrimSpace(cells[1]))
				}
			}
		}
		if !found || rows != 11 { // with the head of the table
			t.Errorf("%s: %d rows of figures", readme, rows)
		}
	}
}
