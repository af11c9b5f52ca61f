package tuya

import (
	"flag"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"meterd/meter"
	"meterd/uplink"
)

var update = flag.Bool("update", false, "write the tables of docs/platforms.md and its twin anew")

// source tells what feeds a data point, and by which configuration.
func source(d dp) string {
	var from []string
	for _, row := range Defaults {
		if row.To == d.id {
			from = append(from, "`"+row.Point+"`")
		}
	}
	for _, row := range Parameters {
		if row.To == d.id {
			from = append(from, "`"+row.Point+"`, where `parameters = true`")
		}
	}
	for _, p := range phases {
		if p.dp == d.id {
			for _, family := range inPhase {
				from = append(from, "`"+family+p.phase+"`")
			}
		}
	}
	switch {
	case d.id == refresh:
		return "none: it asks for the others"
	case len(from) == 0:
		return "none: " + d.why
	}
	return strings.Join(from, ", ")
}

// commandTo tells what a command to a data point does.
func commandTo(d dp) string {
	switch {
	case d.id == refresh:
		return "has all points read, once a minute"
	case slices.Contains(settings, d.id):
		return "set (14H) and read back, once a minute, where `allow` has `set`"
	case d.kind == kindBool && d.why == "":
		return "trips and closes (1CH), where `allow` has `relay`"
	case d.rw && d.why == "":
		return "2002: measured"
	case d.rw:
		return "2002"
	}
	return "2002: read only"
}

// inChinese are the words of the table in docs/platforms.zh-CN.md.
var inChinese = strings.NewReplacer(
	", where `parameters = true`", "（`parameters = true` 时）", "`, `", "`、`",
	"none: it asks for the others", "无：用于查询其他数据点",
	"none: its form is not documented", "无：文档未给出格式",
	"none: what it enables is not documented", "无：文档未说明使能什么",
	"none: a meter has no leakage threshold: [[point]] and [[uplink.map]] bring that of a breaker", "无：电表没有漏电门限；断路器的可用 [[point]] 和 [[uplink.map]] 接入",
	"none: a meter measures no leakage: [[point]] and [[uplink.map]] bring that of a breaker", "无：电表不测漏电；断路器的可用 [[point]] 和 [[uplink.map]] 接入",
	"none: a meter has no protection against leakage", "无：电表没有漏电保护",
	"none: a meter has no temperature limit: [[point]] and [[uplink.map]] bring that of a vendor", "无：电表没有过温门限；厂家自有的可用 [[point]] 和 [[uplink.map]] 接入",
	"none: a meter protects against no voltage; its delays are of records, one for each side, in seconds", "无：电表没有过欠压保护动作；其延时用于事件判定，过压、欠压各一个，单位为秒",
	"none: a meter protects against no voltage", "无：电表没有过欠压保护动作",
	"none: it repeats data point 3: [[uplink.map]] turns it on", "无：与数据点 3 重复；可用 [[uplink.map]] 打开",
	"none: a meter counts no short circuits", "无：电表不统计短路次数",
	"none: it is of the landlord's accounts", "无：属于公摊结算，电表没有",
	"has all points read, once a minute", "抄读全部测点，每分钟最多一次",
	"set (14H) and read back, once a minute, where `allow` has `set`", "`allow` 含 `set` 时写入（14H）并读回，每分钟最多一次",
	"trips and closes (1CH), where `allow` has `relay`", "`allow` 含 `relay` 时拉合闸（1CH）",
	"2002: measured", "2002：测量值", "2002: read only", "2002：只读",
)

// english finds what the table in Chinese has left untranslated.
var english = regexp.MustCompile(` (a|an|and|the|is|of|no|where|it|its) |none`)

// TestDataPointsAreDocumented holds the tables of docs/platforms.md and of its
// twin in Chinese to the program: each of the 50 has a source, or says why it
// has none.
func TestDataPointsAreDocumented(t *testing.T) {
	var table, chinese strings.Builder
	for _, d := range dps {
		access := ""
		if d.rw {
			access = ", rw"
		}
		from, to := source(d), commandTo(d)
		if from == "none: " {
			t.Errorf("data point %s has neither a source nor a reason", d.id)
		}
		fmt.Fprintf(&table, "| %s | `%s`%s | %s | %s |\n", d.id, d.name, access, from, to)
		from, to = inChinese.Replace(from), inChinese.Replace(to)
		if w := english.FindString(from + to); w != "" {
			t.Errorf("data point %s: %q is not in Chinese: %s; %s", d.id, w, from, to)
		}
		fmt.Fprintf(&chinese, "| %s | `%s`%s | %s | %s |\n", d.id, d.name, strings.Replace(access, ", rw", "，读写", 1), from, to)
	}
	holdsTable(t, "../../docs/platforms.md", "| DP | name | fed from | a command to it |\n|---|---|---|---|\n", table.String())
	holdsTable(t, "../../docs/platforms.zh-CN.md", "| DP | 标识 | 来源 | 对它的命令 |\n|---|---|---|---|\n", chinese.String())
}

// holdsTable holds the table of a page that begins so to what it should be.
func holdsTable(t *testing.T, page, begin, table string) {
	t.Helper()
	b, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, ok := strings.Cut(string(b), begin)
	if !ok {
		t.Fatalf("%s has no table of data points", page)
	}
	was := ""
	for strings.HasPrefix(rest, "|") {
		line, after, _ := strings.Cut(rest, "\n")
		was, rest = was+line+"\n", after
	}
	if *update {
		if err := os.WriteFile(page, []byte(before+begin+table+rest), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if was != table {
		t.Errorf("%s has another table than the program; go test ./uplink/tuya -run Documented -update writes it anew", page)
	}
}

// TestEachRowNamesAPointOfTheMeter in the unit of its data point.
func TestEachRowNamesAPointOfTheMeter(t *testing.T) {
	var known meter.Points
	for _, row := range slices.Concat(Defaults, Parameters) {
		p, ok := known.Lookup(row.Point)
		if !ok || !Fits(p.Unit, row.To) && row.Point != "meter.rated.most" || Takes(row.Point, row.To) != "" {
			t.Errorf("data point %s takes nothing of %s", row.To, row.Point)
		}
	}
	if _, clashes := uplink.NewDirectory(uplink.DirectoryConfig{Default: slices.Concat(Defaults, Parameters)}); len(clashes) > 0 {
		t.Error(clashes)
	}
}
