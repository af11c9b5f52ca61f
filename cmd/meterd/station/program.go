package station

import (
	"context"
	"fmt"
	"io"
	"os"
	"time"

	"golang.org/x/sys/unix"

	"meterd/cmd/meterd/console"
	"meterd/cmd/meterd/update"
	"meterd/dlt645"
	"meterd/meter"
)

// works tells what works at present. The console is asked as anybody would,
// and last.
func (sh *shift) works(ctx context.Context) update.Came {
	came, _ := sh.whatCame()
	s := sh.ring.Stats()
	c := update.Came{Store: s.CapacityBytes > 0 && s.LastErr == "", Meter: came.Meter, Uplink: came.Uplink}
	ctx, cancel := context.WithTimeout(ctx, consoleAsked)
	defer cancel()
	c.Console = console.Call(ctx, sh.config.Console.Socket, console.Request{Command: []string{"version"}}, func(console.Reply) error { return nil }) == nil
	return c
}

// consoleAsked is how long the console may take to tell its version.
const consoleAsked = 2 * time.Second

// errConfigOnTrial is why no program is taken: of two things on trial nobody
// could tell which is to blame.
var errConfigOnTrial = console.Tell(dlt645.Text{EN: "a configuration is on trial", ZH: "有配置正在试运行"}, dlt645.Text{EN: "bring the program again when that has proved itself", ZH: "待配置证明可用后再装入程序"})

// takeUpdate takes an update, by what the configuration says of them.
func (sh *shift) takeUpdate(ctx context.Context, r io.Reader, o update.Offer) (update.Facts, error) {
	if sh.configOnTrial() {
		return update.Facts{}, errConfigOnTrial
	}
	o.Key, o.Now = sh.config.Update.PublicKey, time.Now()
	o.Works = sh.works(ctx)
	return sh.Update.Take(ctx, r, o)
}

// takeUpdateFile takes an update from a file of the board, and gives way to it a
// moment after who asked is told.
func (sh *shift) takeUpdateFile(ctx context.Context, path string) (update.Facts, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|unix.O_NONBLOCK, 0)
	if err != nil {
		return update.Facts{}, err
	}
	defer f.Close()
	if info, err := f.Stat(); err != nil || !info.Mode().IsRegular() {
		return update.Facts{}, console.Tell(dlt645.Text{EN: "%s is no regular file", ZH: "%s 不是普通文件"}, dlt645.Text{}, path)
	}
	facts, err := sh.takeUpdate(ctx, f, update.Offer{By: meter.ByConsole, Again: true})
	if err == nil {
		time.AfterFunc(toldFor, sh.giveWay)
	}
	return facts, err
}

const (
	// toldFor is the moment between an answer and the end.
	toldFor = time.Second
	// longestRest is how long commands at work are waited for.
	longestRest = 90 * time.Second
)

// giveWay ends the program for what is to start next. What is at work at a
// meter is finished and told, what waits is refused; nothing is lost.
func (sh *shift) giveWay() {
	ctx, cancel := context.WithTimeout(context.Background(), longestRest)
	defer cancel()
	if err := sh.desk.Rest(ctx); err != nil {
		sh.log.Warn("a command is still at work when the program ends", "err", err)
	}
	pause(ctx, toldFor) // the uplinks send what was told
	if err := sh.ring.Flush(); err != nil {
		sh.log.Error("the readings in memory are lost by the reboot", "err", fmt.Errorf("update: %w", err))
	}
	sh.saveState()
	sh.Update.Restart()
}
