// Package browser opens the report in a headless Chromium. It is a module of its
// own, so that what drives a browser is no part of the product.
package browser

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"image"
	"image/color"
	"image/draw"
	"image/png"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"

	"meterd/cmd/meterd/console"
	"meterd/cmd/meterd/report"
	"meterd/cmd/meterd/report/scene"
	"meterd/meter"
)

var (
	picture = flag.String("picture", "", "write a picture of the page to this file")
	shots   = flag.String("shots", "", "write a picture of each page that is tested into this folder")
)

// started is the browser that all tests share, each with a tab of its own.
var started struct {
	sync.Once
	ctx context.Context
	err error
}

// TestMain ends the browser, and removes what it has written.
func TestMain(m *testing.M) {
	flag.Parse()
	dir, err := os.MkdirTemp("", "browser")
	if err != nil {
		panic(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	profile, start = dir, func(opts ...chromedp.ExecAllocatorOption) (context.Context, error) {
		allocator, _ := chromedp.NewExecAllocator(ctx, opts...)
		b, _ := chromedp.NewContext(allocator)
		return b, chromedp.Do(b)
	}
	status := m.Run()
	if started.ctx != nil {
		chromedp.Cancel(started.ctx)
	}
	cancel()
	os.RemoveAll(dir)
	os.Exit(status)
}

var (
	profile string // the browser's folder
	start   func(...chromedp.ExecAllocatorOption) (context.Context, error)
)

// browser gives the browser, or skips the test where there is none.
func browser(t *testing.T) context.Context {
	t.Helper()
	var path string
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if at, err := exec.LookPath(name); err == nil && path == "" {
			path = at
		}
	}
	if path == "" {
		t.Skip("needs chromium")
	}
	started.Do(func() {
		started.ctx, started.err = start(
			chromedp.ExecPath(path), chromedp.UserDataDir(profile), chromedp.WSURLReadTimeout(2*time.Minute),
			chromedp.Headless, chromedp.NoSandbox, chromedp.DisableGPU, chromedp.NoFirstRun, chromedp.NoDefaultBrowserCheck,
			chromedp.Flag("disable-quic", true), chromedp.Flag("disable-background-networking", true), chromedp.Flag("disable-component-update", true),
			chromedp.Flag("disable-sync", true), chromedp.Flag("disable-dev-shm-usage", true), chromedp.Flag("hide-scrollbars", true), chromedp.Flag("lang", "en"))
	})
	if started.err != nil {
		t.Fatal(started.err)
	}
	return started.ctx
}

// write gives the file of a scene's report.
func write(t *testing.T, s scene.Scene, change func(*report.Config)) string {
	t.Helper()
	ring := newRing(t)
	if err := s.Fill(ring); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), report.Name)
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	c := report.Config{Ring: ring, Points: &meter.Points{}, Meters: s.Meters(), Zone: scene.Zone, Gateway: "gw0001", Version: "v1.2.0", Now: scene.Now, Status: s.Status(),
		Write: func(b []byte) error { _, err := f.Write(b); return err }}
	if change != nil {
		change(&c)
	}
	if _, err := report.Write(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	return path
}

// tab is one page in a browser, and what it has complained of.
type tab struct {
	context.Context
	mu         sync.Mutex
	complaints []string // guarded by mu
}

func (tb *tab) complain(format string, args ...any) {
	tb.mu.Lock()
	defer tb.mu.Unlock()
	tb.complaints = append(tb.complaints, fmt.Sprintf(format, args...))
}

func (tb *tab) complained() []string {
	tb.mu.Lock()
	defer tb.mu.Unlock()
	return slices.Clone(tb.complaints)
}

// open opens a file in a window of that size.
func open(t *testing.T, ctx context.Context, file, hash string, width, height int64, scheme string) *tab {
	t.Helper()
	ctx, cancel := chromedp.NewContext(ctx)
	t.Cleanup(cancel)
	ctx, cancel = context.WithTimeout(ctx, 3*time.Minute) // a loaded machine takes its time
	t.Cleanup(cancel)
	tb := &tab{Context: ctx}
	err := chromedp.Listen(ctx, func(e any) {
		switch e := e.(type) {
		case *runtime.EventExceptionThrown:
			tb.complain("exception: %s", e.ExceptionDetails.Text)
		case *runtime.EventConsoleAPICalled:
			tb.complain("console.%s", e.Type)
		case *log.EventEntryAdded:
			tb.complain("log: %s: %s", e.Entry.Level, e.Entry.Text)
		case *network.EventRequestWillBeSent:
			if e.Request.URL != "file://"+file {
				tb.complain("a request for %s", e.Request.URL)
			}
		}
	})
	call(t, ctx, err, network.Enable, network.EnableParams{})
	call(t, ctx, err, log.Enable, cdp.Empty{})
	call(t, ctx, err, runtime.Enable, cdp.Empty{})
	call(t, ctx, err, emulation.SetDeviceMetricsOverride, emulation.SetDeviceMetricsOverrideParams{Width: width, Height: height, DeviceScaleFactor: 1, Mobile: width < 600})
	call(t, ctx, err, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}}})
	if err := chromedp.Do(ctx, chromedp.Navigate("file://"+file+hash)); err != nil {
		t.Fatal(err)
	}
	return tb
}

func call[P, R any](t *testing.T, ctx context.Context, err error, command cdp.Command[P, R], params P) {
	t.Helper()
	if err == nil {
		_, err = chromedp.Call(ctx, command, params)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// look is what the page is asked for: every chart is shown in its turn, and what
// is drawn in it is compared with its corner.
const look = `(async () => {
	const frame = () => new Promise(r => requestAnimationFrame(() => setTimeout(r)));
	const found = {charts: 0, drawn: 0, blank: [], wide: [], cut: [], text: "", scripts: document.querySelectorAll("main script, main img, main iframe, main b").length};
	for (const el of document.querySelectorAll(".chart")) {
		if (!el.clientWidth) continue;
		found.charts++;
		el.scrollIntoView();
		for (let i = 0; i < 200 && !el.firstChild; i++) await frame();
		await frame();
		await frame();
		const c = el.querySelector("canvas"), label = el.getAttribute("aria-label");
		if (!c) { if (!el.querySelector(".none")) found.blank.push(label); continue; }
		const d = c.getContext("2d").getImageData(0, 0, c.width, c.height).data, seen = new Set();
		for (let i = 0; i < d.length; i += 4) if (d[i + 3] > 200) seen.add(d[i] << 16 | d[i + 1] << 8 | d[i + 2]);
		if (seen.size < 3) found.blank.push(label); else found.drawn++;
	}
	const width = document.documentElement.clientWidth;
	if (document.documentElement.scrollWidth > width) found.wide.push("the page: " + document.documentElement.scrollWidth + " of " + width);
	for (const el of document.querySelectorAll("main *")) {
		if (el.closest(".wide > table") || el.closest(".chart") || !el.getClientRects().length) continue;
		const r = el.getBoundingClientRect();
		if (r.right > width + 1 || r.left < -1) found.wide.push(el.tagName + "." + el.className + ": " + el.textContent.slice(0, 40));
		if (!el.classList.contains("wide") && el.scrollWidth > el.clientWidth + 1 && el.clientWidth && getComputedStyle(el).display !== "inline") found.cut.push(el.tagName + "." + el.className + ": " + el.textContent.slice(0, 40));
	}
	scrollTo(0, 0);
	found.text = document.querySelector("main").innerText + document.title;
	return found;
})()`

type looked struct {
	Charts, Drawn    int
	Blank, Wide, Cut []string
	Scripts          int
	Text             string
}

func (tb *tab) look(t *testing.T) looked {
	t.Helper()
	l, err := chromedp.Run(tb, chromedp.Evaluate[looked](look, chromedp.EvalAwaitPromise))
	if err != nil {
		t.Fatal(err)
	}
	if len(l.Blank)+len(l.Wide)+len(l.Cut) > 0 {
		t.Errorf("blank %q, too wide %q, cut off %q", l.Blank, l.Wide, l.Cut)
	}
	if l.Scripts > 0 {
		t.Errorf("%d elements that nobody wrote", l.Scripts)
	}
	for _, c := range tb.complained() {
		t.Error(c)
	}
	return l
}

// shoot takes a picture of the page from its top, so high at most.
func (tb *tab) shoot(t *testing.T, file string, width, most int64) {
	t.Helper()
	height, err := chromedp.Run(tb, chromedp.Evaluate[int64]("document.documentElement.scrollHeight"))
	call(t, tb, err, emulation.SetDeviceMetricsOverride, emulation.SetDeviceMetricsOverrideParams{Width: width, Height: min(height, most), DeviceScaleFactor: 1, Mobile: width < 600})
	tb.look(t)
	b, err := chromedp.Run(tb, chromedp.CaptureScreenshot())
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, b, 0o644); err != nil {
		t.Fatal(err)
	}
}

func isChinese(r rune) bool { return r >= 0x4e00 && r < 0xa000 }

// TestReportInABrowser opens the report as a phone and a laptop show it, in both
// languages and over both times.
func TestReportInABrowser(t *testing.T) {
	ctx := browser(t)
	s := scene.Scene{Names: []string{"", "", "", ""}, Every: 5 * time.Minute}
	file := write(t, s, nil)
	for _, c := range []struct {
		hash          string
		width, height int64
		dark          bool
		want, never   string
	}{
		{"#en,7", 390, 844, false, "Report of 2026-11-20 12:07", "功率"},
		{"#zh,30", 390, 844, true, "报告时间 2026-11-20 12:07", "Report of"},
		{"#en,30", 1366, 768, true, "Energy of each day", "功率"},
		{"#zh,7", 1366, 768, false, "每日用电量", "Report of"},
	} {
		t.Run(fmt.Sprintf("%s %d", c.hash, c.width), func(t *testing.T) {
			scheme := "light"
			if c.dark {
				scheme = "dark"
			}
			tb := open(t, ctx, file, c.hash, c.width, c.height, scheme)
			l := tb.look(t)
			if l.Charts != 16 || l.Drawn != 16 {
				t.Errorf("%d charts, %d drawn, want 16 each", l.Charts, l.Drawn)
			}
			if !strings.Contains(l.Text, c.want) || strings.Contains(l.Text, c.never) {
				t.Errorf("the page has not %q, or has %q", c.want, c.never)
			}
			if en := strings.HasPrefix(c.hash, "#en"); en && strings.ContainsFunc(strings.ReplaceAll(l.Text, "中文", ""), isChinese) {
				t.Errorf("Chinese in the English page")
			}
			if *shots != "" {
				tb.shoot(t, filepath.Join(*shots, fmt.Sprintf("%s-%d.png", strings.NewReplacer("#", "", ",", "-").Replace(c.hash), c.width)), c.width, 9000)
			}
		})
	}
}

// TestHostileNamesAreOnlyText: nothing that they say is run, loaded or made into
// an element, and nothing is hidden or turned round.
func TestHostileNamesAreOnlyText(t *testing.T) {
	names := []string{
		`</script><script>document.title="owned"</script>`, `<img src=x onerror="document.title='owned'">`, `<!--<script>`, "a\u2028b\u2029c",
		"\x01\x1b[2J\u202eevil\u200b", `'"&amp;`, `javascript:alert(1)`, "__proto__", strings.Repeat("W", 300), strings.Repeat("表", 200),
	}
	s := scene.Scene{Names: names, Every: time.Hour}
	file := write(t, s, func(c *report.Config) {
		c.Gateway, c.Version = names[0], names[1]
		for _, name := range names {
			c.Status.Buses = append(c.Status.Buses, console.BusStatus{Name: name, Port: name, PortErr: name, Requests: 1})
			c.Status.Uplinks = append(c.Status.Uplinks, console.UplinkStatus{Name: name, Kind: name, LastErr: name})
		}
		c.Status.Health.Started, c.Status.Clock.Source, c.Status.Watchdog.Device = names[0], names[1], names[1]
	})
	ctx := browser(t)
	for _, width := range []int64{390, 1366} {
		l := open(t, ctx, file, "#en,30", width, 800, "light").look(t)
		if l.Charts != 4*len(names) || !strings.Contains(l.Text, names[0]) || !strings.Contains(l.Text, names[1]) || !strings.Contains(l.Text, "??[2J?evil?") {
			t.Errorf("%d charts, or a name is not told as it is", l.Charts)
		}
		if strings.ContainsAny(l.Text, "\u202e\u200b\u2028\x1b") || strings.HasSuffix(l.Text, "owned") {
			t.Error("what cannot be seen is in the page")
		}
	}
}

// TestAPageThatWasCutOffSaysSo, wherever it was cut.
func TestAPageThatWasCutOffSaysSo(t *testing.T) {
	file := write(t, scene.Scene{Names: []string{"", ""}, Every: time.Hour}, nil)
	whole, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	ctx := browser(t)
	cut := filepath.Join(t.TempDir(), "cut.html")
	begin := strings.Index(string(whole), `id="board">`)
	last := strings.LastIndex(string(whole), `class="meter">`)
	for _, c := range []struct {
		what   string
		at     int
		want   string
		charts int
	}{
		{"in the board", begin + 100, "cut off", 0}, {"before a meter", last - len(`<script type="application/json" `), "cut off", 4}, {"in a meter", last + 500, "cut off", 4}, {"at the end", len(whole), "Report of", 8},
	} {
		t.Run(c.what, func(t *testing.T) {
			if err := os.WriteFile(cut, whole[:c.at], 0o600); err != nil {
				t.Fatal(err)
			}
			l := open(t, ctx, cut, "#en,7", 1366, 768, "light").look(t)
			if !strings.Contains(l.Text, c.want) || l.Charts != c.charts || strings.Contains(l.Text, "cut off") != (c.at < len(whole)) {
				t.Errorf("%d charts, %q", l.Charts, l.Text[:min(len(l.Text), 200)])
			}
		})
	}
}

// TestManyMetersAreOpenedOneByOne: 64 of them, of which only those are drawn that
// are looked at; a ring alone has no state of a board.
func TestManyMetersAreOpenedOneByOne(t *testing.T) {
	file := write(t, scene.Scene{Names: make([]string, 64), Every: time.Hour}, func(c *report.Config) { c.Status = nil })
	tb := open(t, browser(t), file, "#zh", 390, 844, "light")
	if l := tb.look(t); l.Charts != 4 || !strings.Contains(l.Text, "仅由存储文件生成") {
		t.Errorf("%d charts are open, want 4", l.Charts)
	}
	click := `document.querySelectorAll("table a")[40].click(); document.querySelectorAll("button")[1].click(); document.querySelectorAll("canvas").length`
	drawn, err := chromedp.Run(tb, chromedp.Evaluate[int](click))
	if err != nil {
		t.Fatal(err)
	}
	if l := tb.look(t); l.Charts != 8 || drawn > 8 {
		t.Errorf("%d charts are open, %d drawn, want 8 at most", l.Charts, drawn)
	}
}

// TestItIsPrintedWhole: every chart, on white.
func TestItIsPrintedWhole(t *testing.T) {
	file := write(t, scene.Scene{Names: []string{"", "", ""}, Every: time.Hour}, nil)
	tb := open(t, browser(t), file, "#en", 1366, 768, "dark")
	drawn, err := chromedp.Run(tb, chromedp.Evaluate[[]string](`dispatchEvent(new Event("beforeprint")); [String(document.querySelectorAll("canvas").length), getComputedStyle(document.body).backgroundColor]`))
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(drawn, []string{"12", "rgb(255, 255, 255)"}) {
		t.Errorf("got %q, want 12 charts on white", drawn)
	}
}

// TestPicture draws the picture of the README.
func TestPicture(t *testing.T) {
	if *picture == "" {
		t.Skip("make report-picture draws it")
	}
	file := write(t, scene.Scene{Names: []string{"", "", ""}, Every: 5 * time.Minute}, nil)
	tb := open(t, browser(t), file, "#en,7", 1180, 900, "light")
	end, err := chromedp.Run(tb, chromedp.Evaluate[int64](`Math.round(document.querySelector(".charts").getBoundingClientRect().bottom) + 16`))
	if err != nil {
		t.Fatal(err)
	}
	tb.shoot(t, *picture, 1180, end)
	fewColours(t, *picture)
}

// fewColours writes a picture anew with the 256 colours that it has most, which
// takes half the bytes.
func fewColours(t *testing.T, file string) {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	img, err := png.Decode(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	bounds, n := img.Bounds(), map[color.RGBA]int{}
	for y := range bounds.Dy() {
		for x := range bounds.Dx() {
			n[color.RGBAModel.Convert(img.At(x, y)).(color.RGBA)]++
		}
	}
	most := slices.SortedFunc(maps.Keys(n), func(a, b color.RGBA) int { return n[b] - n[a] })
	var palette color.Palette
	for _, c := range most[:min(len(most), 256)] {
		palette = append(palette, c)
	}
	few := image.NewPaletted(bounds, palette)
	draw.Draw(few, bounds, img, image.Point{}, draw.Src)
	var out bytes.Buffer
	if err := (&png.Encoder{CompressionLevel: png.BestCompression}).Encode(&out, few); err != nil {
		t.Fatal(err)
	}
	if out.Len() > 150<<10 {
		t.Errorf("the picture has %d bytes", out.Len())
	}
	if err := os.WriteFile(file, out.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
}
