package station

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"meterd/board"
	"meterd/cmd/meterd/config"
	"meterd/cmd/meterd/console"
	"meterd/cmd/meterd/export"
	"meterd/cmd/meterd/report"
	"meterd/cmd/meterd/takeover"
	"meterd/dlt645"
)

// stickExport is the name of a file or a folder that asks for data.
const stickExport = "export"

// mostRequest bounds such a file: what it holds does not matter, but to its
// signature.
const mostRequest = 4 << 10

// asksForData reports whether a stick asks for the readings, also where Windows
// has hidden an ending of it.
func asksForData(dir string) bool {
	for _, name := range []string{stickExport, stickExport + ".txt"} {
		if info, err := os.Lstat(filepath.Join(dir, name)); err == nil && (info.IsDir() || info.Mode().IsRegular()) {
			return true
		}
	}
	return false
}

// mayHave decides whether a stick is given the readings: by a signature of the
// file that asks for them, where one is asked for.
func (st *Station) mayHave(dir string) error {
	c, _ := st.takeover.Running()
	if c == nil {
		return takeover.ErrBusy
	}
	if c.USB.PublicKey == "" {
		return nil
	}
	text, err := board.ReadPlain(filepath.Join(dir, stickExport), mostRequest)
	var signature []byte
	if err == nil {
		signature, err = board.ReadPlain(filepath.Join(dir, stickExport+signatureEnding), mostSignature)
	}
	if err != nil {
		return console.Tell(dlt645.Text{EN: "usb.public_key is set: the data are given to a file export with its signature " + stickExport + signatureEnding + " only: %v", ZH: "已设置 usb.public_key：只有带签名 " + stickExport + signatureEnding + " 的文件 export 才能导出数据：%v"},
			dlt645.Text{EN: "sign the file: minisign -Sm export", ZH: "请签名：minisign -Sm export"}, err)
	}
	if strings.TrimSpace(string(text)) != stickExport { // a configuration that was signed asks for nothing
		return console.Tell(dlt645.Text{EN: "usb.public_key is set: the file export must hold the word export, and nothing else", ZH: "已设置 usb.public_key：文件 export 的内容只能是 export 一词"}, dlt645.Text{})
	}
	_, err = takeover.Verify(c, string(text), signature)
	return err
}

// exportFolder is the folder on a stick that the data stand in.
func exportFolder(gateway string) string {
	return "meterd-export-" + plainName(gateway)
}

// export writes the readings onto a stick, and tells what came of it. The rest of
// the board goes on meanwhile; pulling the stick ends it.
func (st *Station) export(ctx context.Context, s visitor) (said dlt645.Text, failed bool) {
	sh := st.onDuty()
	if sh == nil {
		return dlt645.Text{EN: "no data: nothing runs yet", ZH: "未导出数据：尚未运行"}, true
	}
	folder := exportFolder(sh.config.Gateway.ID)
	var r export.Result
	var page report.Result
	err := s.Visit(true, func(dir string) error {
		if err := st.mayHave(dir); err != nil {
			return err
		}
		at := filepath.Join(dir, folder)
		if err := os.Mkdir(at, 0o755); err != nil && !(errors.Is(err, fs.ErrExist) && plainFolder(at)) {
			return err
		}
		write := func(name string, first bool, b []byte) error {
			return board.AppendPlain(filepath.Join(at, name), first, b)
		}
		var err, wrong error
		r, err = export.Readings(ctx, export.Config{Ring: sh.ring, Points: sh.config.Points, Meters: handles(sh.config), Zone: sh.config.Gateway.Zone, Write: write})
		if err == nil {
			page, wrong = sh.report(ctx, write)
		}
		return errors.Join(err, wrong)
	})
	tell := func(t dlt645.Text, args ...any) dlt645.Text { return console.Tell(t, dlt645.Text{}, args...).Text }
	said = tell(dlt645.Text{EN: "data: %d readings of %d meters in %d files, in the folder %s", ZH: "数据：%d 条读数，%d 块电表，%d 个文件，位于文件夹 %s"}, r.Readings, r.Meters, r.Files, folder)
	if r.Skipped > 0 {
		more := tell(dlt645.Text{EN: "; %d readings are left out, there would be too many files", ZH: "；因文件过多，另有 %d 条未导出"}, r.Skipped)
		said = dlt645.Text{EN: said.EN + more.EN, ZH: said.ZH + more.ZH}
	}
	if page.Meters > 0 && err == nil {
		more := tell(dlt645.Text{EN: "; %s there shows the last 30 days in a browser", ZH: "；其中 %s 可用浏览器查看最近 30 天"}, report.Name)
		said = dlt645.Text{EN: said.EN + more.EN, ZH: said.ZH + more.ZH}
	}
	if err != nil {
		why := whyOf(err)
		more := tell(dlt645.Text{EN: "; not all: %s", ZH: "；未全部完成：%s"}, "")
		said = dlt645.Text{EN: said.EN + more.EN + why.EN, ZH: said.ZH + more.ZH + why.ZH}
	}
	st.log.Info("data for a stick", "files", r.Files, "readings", r.Readings, "err", err)
	return said, err != nil
}

// report writes the page for a browser, in as many pieces as it takes. Others go
// first.
func (sh *shift) report(ctx context.Context, write func(name string, first bool, b []byte) error) (report.Result, error) {
	now := time.Now()
	c := report.Config{
		Ring: sh.ring, Points: sh.config.Points, Meters: handles(sh.config), Zone: sh.config.Gateway.Zone, Gateway: sh.config.Gateway.ID, Version: sh.Version,
		Record: sh.panel.Records(), Pause: time.Millisecond, Now: now, Doubted: !sh.clock.Trusted(now),
	}
	_, running := sh.takeover.Running()
	secrets := config.Secrets(running)
	c.Hide = func(s string) string {
		for _, secret := range secrets {
			s = strings.ReplaceAll(s, secret, config.Hidden)
		}
		return s
	}
	status := sh.panel.Status()
	c.Status = &status
	first := true
	c.Write = func(b []byte) error {
		defer func() { first = false }()
		return write(report.Name, first, b)
	}
	return report.Write(ctx, c)
}
