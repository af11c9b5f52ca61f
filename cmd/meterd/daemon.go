package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"os/signal"
	"syscall"
	"time"

	"meterd/board"
	"meterd/cmd/meterd/cli"
	"meterd/cmd/meterd/journal"
	"meterd/cmd/meterd/station"
	"meterd/cmd/meterd/takeover"
	"meterd/cmd/meterd/update"
)

func runDaemon(f *flag.FlagSet, args []string, s cli.Streams) error {
	file := f.String("config", "/etc/meterd/meterd.toml", "the configuration")
	verbose := f.Bool("debug", false, "log every detail")
	if err := cli.Parse(f, args, 0, 0); err != nil {
		return err
	}
	built, err := time.Parse(time.DateOnly, buildDate)
	if err != nil {
		return fmt.Errorf("build date %q: %w", buildDate, err)
	}
	level := slog.LevelInfo
	if *verbose {
		level = slog.LevelDebug
	}
	board.LimitMemory()
	board.OneProcessor()
	log := journal.New(s.Err, level)
	places, dir := slots()
	engine := update.New(time.Now(), update.Config{Slots: places, Dir: dir, File: *file, Log: slog.New(log)}) // before the configuration is read
	st := station.New(station.Config{Version: version, Built: built, Files: takeover.NewFiles(*file), Journal: log, Update: engine})
	first, problems, err := st.First()
	lang := "en"
	if first.Config != nil {
		lang = first.Config.Gateway.Language
	}
	for _, p := range problems {
		fmt.Fprintln(s.Err, p.In(lang))
	}
	if err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	err = st.Run(ctx, first)
	return errors.Join(err, engine.Finish()) // whatever failed at the end: what is to start next starts
}
