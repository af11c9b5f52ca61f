package tool

import (
	"crypto/sha256"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"time"

	"meterd/board"
	"meterd/cmd/meterd/cli"
	"meterd/cmd/meterd/config"
	"meterd/dlt645"
)

// Check is the command "check".
func Check(f *flag.FlagSet, args []string, s cli.Streams) error {
	asJSON := f.Bool("json", false, "problems and plan as one JSON object")
	comment := f.Bool("comment", false, "print what to sign it with: minisign -Sm FILE -t \"$(meterd check -comment FILE)\"")
	if err := cli.Parse(f, args, 1, 1); err != nil {
		return err
	}
	c, problems := config.Load(f.Arg(0))
	plan, crowding := c.Plan(problems)
	problems = append(problems, crowding...)
	failed := config.Failed(problems)
	lang := "en"
	if c != nil {
		lang = c.Gateway.Language
	}
	if *comment && !failed {
		return printComment(s.Out, f.Arg(0), c)
	}
	withheld := []config.Withheld{}
	if !failed {
		withheld = c.Withholds()
	}
	if *asJSON {
		if problems == nil {
			problems = []config.Problem{}
		}
		if err := json.NewEncoder(s.Out).Encode(map[string]any{"ok": !failed, "problems": problems, "plan": plan, "withheld": withheld}); err != nil {
			return err
		}
	} else {
		out := cli.Plain(s.Out)
		for _, p := range problems {
			fmt.Fprintln(out, p.In(lang))
		}
		printPlan(out, plan, lang)
		printWithheld(out, withheld, lang)
	}
	if failed {
		n := 0
		for _, p := range problems {
			if !p.Warning {
				n++
			}
		}
		if lang == "zh" {
			return fmt.Errorf("%s：%d 处错误", f.Arg(0), n)
		}
		if n == 1 {
			return fmt.Errorf("%s: 1 mistake", f.Arg(0))
		}
		return fmt.Errorf("%s: %d mistakes", f.Arg(0), n)
	}
	return nil
}

// printComment prints the trusted comment for a configuration, with the hash of
// each file beside it that it names.
func printComment(w io.Writer, path string, c *config.Config) error {
	signed := config.Signed{Gateway: c.Gateway.ID, Date: time.Now().UTC().Truncate(time.Second)}
	if c.Gateway.Auto { // this machine is not the board
		signed.Gateway = config.AnyGateway
	}
	for _, part := range c.Parts {
		signed.Files = append(signed.Files, config.SignedFile(part))
	}
	for _, named := range c.Named() {
		name := filepath.Base(named)
		if _, twice := signed.Hash(name); twice {
			continue
		}
		b, err := board.ReadFile(filepath.Join(filepath.Dir(path), name), mostBeside)
		if errors.Is(err, fs.ErrNotExist) {
			continue // the board has it
		}
		if err != nil {
			return err
		}
		signed.Files = append(signed.Files, config.SignedFile{Name: name, Hash: sha256.Sum256(b)})
	}
	if _, err := config.ParseSigned(signed.String()); err != nil {
		return fmt.Errorf("%q cannot be said in a trusted comment: %w", signed.String(), err)
	}
	_, err := fmt.Fprintln(w, signed.String())
	return err
}

// mostBeside bounds a file of certificates.
const mostBeside = 1 << 20

func printWithheld(out io.Writer, withheld []config.Withheld, lang string) {
	form := dlt645.Text{EN: "uplink %s: %s of %s are withheld: the platform's %s cannot hold them\n", ZH: "上行 %[1]s：%[3]s 的%[2]s不上送：超出平台 %[4]s 的范围\n"}
	for _, w := range withheld {
		fmt.Fprintf(out, form.In(lang), w.Uplink, w.Says.In(lang), w.Point, w.To)
	}
}

func printPlan(w io.Writer, plans []config.BusPlan, lang string) {
	say := func(en, zh string, args ...any) {
		fmt.Fprintf(w, dlt645.Text{EN: en, ZH: zh}.In(lang), args...)
	}
	for _, p := range plans {
		say("bus %s: %d baud, %.1f %% of the line's time\n", "总线 %s：%d 波特，占线路时间 %.1f %%\n", p.Bus, p.Baud, 100*p.Load)
		for _, r := range p.Rounds {
			say("  %s every %s: %d requests, %d bytes, %.2f s\n", "  %s 每 %s：%d 个请求，%d 字节，%.2f 秒\n", r.Meter, r.Every, r.Frames, r.Bytes, r.Seconds)
		}
		for _, h := range p.History {
			say("  %s from its memory, %s, %s back: %d requests, %d bytes, %.2f s bring %d\n", "  %s 补抄 %s，回溯 %s：%d 个请求，%d 字节，%.2f 秒，可得 %d 条\n", h.Meter, h.Of, h.Back, h.Requests, h.Bytes, h.Seconds, h.Records)
		}
		if p.HistoryShare > 0 {
			say("  what is fetched from the meters' memory takes at most %d %% of the line's time\n", "  补抄最多占线路时间的 %d %%\n", p.HistoryShare)
		}
	}
}
