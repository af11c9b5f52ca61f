# What a newcomer needs: make demo, make test. While working: make check.
# A text after ## says what a target is; make alone prints them.

GO       ?= go
VERSION  ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
DATE     ?= $(shell git log -1 --format=%cs 2>/dev/null || date +%F)
# A tag as it is, anything else below every tag.
PACKAGE  ?= $(shell echo $(VERSION) | sed -E 's/^v?([0-9]+\.)/\1/; t; s/^/0~$(subst -,,$(DATE))./' | tr - +)
LDFLAGS  := -s -w -X main.version=$(VERSION) -X main.buildDate=$(DATE)
BUILD    := CGO_ENABLED=0 $(GO) build -trimpath -ldflags "$(LDFLAGS)"
# Flash is small: what talks to people, files and brokers is not inlined on a
# board, nor what is computed once in a connection (keys). The codec, the lines,
# the ring, the times and texts that they handle, hashes and ciphers are.
SMALL    := fmt reflect path/... archive/zip bufio context io/... mime/... encoding/json encoding/base64 encoding/hex encoding/pem encoding/asn1 encoding/csv aead.dev/... golang.org/x/net/... golang.org/x/sys/... golang.org/x/sync/... golang.org/x/term net/... vendor/golang.org/x/... regexp/... html/... internal/poll internal/syscall/... internal/reflectlite internal/godebug syscall crypto/tls/... crypto/x509/... crypto/rsa crypto/ecdsa crypto/dsa crypto/hpke crypto/ecdh crypto/elliptic crypto/mlkem crypto/internal/fips140/rsa crypto/internal/fips140/ecdsa crypto/internal/fips140/mlkem crypto/internal/fips140/ecdh math/big compress/... github.com/... go.bug.st/... log/... flag text/... os/... time sort unicode/... hash/... meterd/board/... meterd/uplink/... meterd/cmd/...
FLASHED  := $(BUILD) $(foreach p,$(SMALL),-gcflags=$(p)=-l)
ARM_TEST := ./dlt645/... ./store ./meter

.DEFAULT_GOAL := help
.PHONY: flap test-systemd help demo picture build cross image overlay sdcard machine qemu check test test-pressure cover test-image test-machine test-machine-long test-long cluster uplink-long record-long setup check-format check-vet check-static check-vuln arrows unit ring arm fuzz-short fuzz bench bench-store clean update update-long soak history fleet report-picture browser mutants mutants-short release

help:
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-18s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: build ## the main job, on simulated meters and an embedded platform, with a live picture
	bin/metersim demo

# The picture in the README is the screen of a real run.
picture: build ## draws docs/demo.svg from a real run
	bin/metersim demo -picture docs/demo.svg

report-picture: ## draws docs/report.png of simulated data, in a Chromium
	cd cmd/meterd/report/browser && $(GO) test -count=1 -run Picture . -picture $(CURDIR)/docs/report.png

build: ## bin/meterd and bin/metersim for this machine
	$(BUILD) -o bin/ ./cmd/meterd ./cmd/metersim

# What is flashed: one static binary for each kind of board.
cross: ## bin/meterd-armv5, -armv7 and -arm64, as they are flashed, and what each part costs
	GOOS=linux GOARCH=arm GOARM=5 $(FLASHED) -o bin/meterd-armv5 ./cmd/meterd
	GOOS=linux GOARCH=arm GOARM=7 $(FLASHED) -o bin/meterd-armv7 ./cmd/meterd
	GOOS=linux GOARCH=arm64 $(FLASHED) -o bin/meterd-arm64 ./cmd/meterd
	@GOOS=linux GOARCH=arm GOARM=7 $(subst -s -w,-w,$(FLASHED)) -o bin/symbols-armv7 ./cmd/meterd
	@$(GO) run ./board/image/size bin/meterd-armv7 bin/symbols-armv7

# What is flashed: tarballs for root file systems, .deb and .ipk.
image: cross ## what is flashed: overlays, .deb and .ipk, in bin/image
	@GO=$(GO) board/image/pack bin bin/image $(PACKAGE)
	@ls -l bin/image

# What boards take as another program. The key is a file of minisign -G.
KINDS ?= armv5 armv7 arm64
update: cross ## update files for boards with a package, in bin/update: KEY= a minisign key; FLOOR=, OLDER=yes
	@test -n "$(KEY)" || { echo "error: KEY is missing"; echo "hint: make update KEY=minisign.key; minisign -G makes one"; exit 1; }
	@mkdir -p bin/update && rm -f bin/update/*.update
	@for board in $(KINDS); do \
		$(GO) run ./board/image/sign -key "$(KEY)" -version "$(VERSION)" -board $$board $(if $(FLOOR),-floor "$(FLOOR)") $(if $(OLDER),-older) -o bin/update bin/meterd-$$board || exit 1; \
	done

release: ## all that is published, made twice and compared, in bin/release: KEY= a minisign key
	@.ci/release $(GO) "$(VERSION)" "$(DATE)" "$(KEY)"

overlay: cross
	@board/image/pack bin bin/image

# A card to flash, for a board of board/image/card.
BOARD ?= qemu
sdcard: overlay ## a card to flash, BOARD=qemu or beaglebone; with KEY= its update file, too: docs/card.md
	@board/image/fetch bin/machine/debian
	@board/image/sdcard bin/machine/debian bin $(BOARD) $(VERSION) bin/card
	@[ -z "$(KEY)" ] || $(GO) run ./board/image/sign -key "$(KEY)" -kind card -version "$(VERSION)" -board $(BOARD) $(if $(FLOOR),-floor "$(FLOOR)") $(if $(OLDER),-older) -o bin/card bin/card/meterd-$(VERSION)-$(BOARD).slot
	@ls -l bin/card/meterd-$(VERSION)-$(BOARD).*

# The ARM machine in software: a Debian kernel, and a root file system with the
# same overlay as a real board's.
machine: overlay build
	@board/image/fetch bin/machine/debian
	@board/image/initrd bin/machine/debian bin/image/meterd-overlay-armv7.tar.gz bin/machine/initrd
	@cp bin/meterd bin/machine/meterd
	@GOOS=linux GOARCH=arm GOARM=7 $(BUILD) -o bin/machine/slots ./board/image/slots
	@HAND=ttyS1 SLOTS=bin/machine/slots board/image/sdcard bin/machine/debian bin qemu 1.0.0 bin/machine
	@CGO_ENABLED=0 $(GO) build -o bin/machine/sign ./board/image/sign

# The machine in this terminal, with meters and a platform on this host.
qemu: machine ## an ARM board in software, in this terminal
	@board/image/qemu

# What was made is sound, and comes out the same when made again.
test-image: image build
	@METERD_IMAGE=$(CURDIR)/bin PACKAGE=$(PACKAGE) $(GO) test -count=1 -v -run Image ./board/image

test-machine: ## the ARM board in software, booted and tested
	@board/image/test $(GO) -parallel 4 -timeout 40m

test-machine-long:
	@METERD_LONG=1 METERD_CUTS=100 METERD_CARD_CUTS=100 board/image/test $(GO) -parallel 4 -timeout 4h

# The .deb, run by systemd in a Debian on the same machine: about 10 minutes.
test-systemd: ## the .deb under a real systemd, on the ARM board in software
	@board/image/test $(GO) -timeout 60m -run Systemd

STEPS := setup check-format check-vet check-static check-vuln unit mutants-short ring cluster browser history test-image arm test-machine fuzz-short
test: ## everything; ends with a table of what ran and what was skipped
	@.ci/suite $(STEPS)

check: check-format check-vet check-static ## what one runs while working: format, vet, staticcheck, arrows, short tests; under 2 minutes
	$(GO) test -short -parallel 8 -timeout 5m ./...

arrows: ## who may import whom, and that papers which comments cite are there
	$(GO) test -count=1 .

N ?= 10
PACKAGES ?= ./...
test-pressure: ## the tests N=10 times with the race detector, beside busy loops
	@.ci/pressure $(GO) $(N) $(PACKAGES)

cover: ## statements that tests run, by package
	@.ci/cover $(GO)

setup: ## installs what the tests need, as root on Debian
	@sh .ci/setup

check-format:
	@out=$$(gofmt -l .); if [ -n "$$out" ]; then echo "error: not gofmt'ed:"; echo "$$out"; exit 1; fi

check-vet:
	$(GO) vet ./...

check-static:
	$(GO) tool staticcheck ./...

# Without its database (no network) there is nothing to check against.
check-vuln:
	@sh .ci/vuln $(GO)

# Many of them wait for a line at its pace: more run side by side than there are
# processors.
unit: ## unit and end-to-end tests with the race detector
	$(GO) test -race -p 4 -timeout 20m ./...

# Mistakes that are made in the codec, of which each has to fail a test.
MUTANTS ?= 200
mutants: ## 200 mistakes in the codec (MUTANTS=), each of which a test has to notice
	$(GO) test -count=1 -tags mutants -timeout 3h -v -run EachMutant ./dlt645 -mutants $(MUTANTS)

mutants-short: MUTANTS = 10
mutants-short: mutants

# The ring: crash states in millions, every bit of a closed store, and what is
# broken on purpose is found.
STATES ?= 1000000
EXT4_CUTS ?= 50
ring: ## crash states of the ring (STATES=), and power cuts of a real ext4
	$(GO) test -count=1 -timeout 10h -run 'CrashStates|FaultsAtRest' ./store -states $(STATES) -flips 1
	$(GO) test -count=1 -tags sabotage -run TestEachLevel ./store
	@store/peers/check $(GO) $(EXT4_CUTS)

# A list of brokers that are one platform.
cluster: ## a cluster of three brokers, of which one at a time is killed
	@uplink/cluster/check $(GO)

# What stands behind a broker of one's own.
history: ## the consumer that keeps readings in PostgreSQL, with its tests
	@examples/history/check $(GO)

browser: ## the report in a headless Chromium, as a phone and a laptop show it
	@cmd/meterd/report/browser/check $(GO)

# The ring for longer; STATES=1000000000 for a release.
test-long: STATES = 10000000 ## what takes hours: crash states, power cuts, kills of a broker
test-long: EXT4_CUTS = 5000
test-long: ring test-machine-long test-systemd uplink-long record-long update-long

# The codec, the store and the meters once more as ARM programs.
arm: ## codec, store and meters as ARM programs
	CGO_ENABLED=0 GOARCH=arm GOARM=5 $(GO) test -short -timeout 20m -exec qemu-arm-static $(ARM_TEST)

# The record and the books against a model: eight times thirty days.
record-long:
	METERD_LONG=1 $(GO) test -count=1 -timeout 2h -v -run RandomOutages ./meter

# Real programs that are killed during 100 updates.
CUTS ?= 100
update-long:
	$(GO) test -count=1 -timeout 2h -v -run KillsDuringUpdates ./cmd/meterd -cuts $(CUTS)

# A whole board in 30 days of fake time, 64 meters and two platforms, with all that
# may happen to it, against a model. SOAK_SEED= has other things happen.
soak: ## a board in 30 days of fake time, against a model
	METERD_LONG=1 $(GO) test -count=1 -timeout 2h -v -run 'TestSoak$$' ./cmd/meterd/station

# A real hour under the race detector, with a broker that comes and goes.
FLAP ?= 1h
flap: ## an hour (FLAP=) of a broker that comes and goes: memory, goroutines and descriptors stay
	$(GO) test -race -count=1 -timeout 10h -v -run ComesAndGoes ./cmd/meterd/station -flap $(FLAP)

# 200 kills of a real broker, and 10000 connections that leave nothing behind.
uplink-long:
	$(GO) test -count=1 -timeout 1h -v -run 'MosquittoIsKilled' ./uplink -kills 200
	$(GO) test -count=1 -timeout 1h -v -run 'ConnectionsLeakNothing' ./uplink -reconnects 10000

# Boards in one process, against real brokers of this host; what SCALE.md quotes.
BOARDS ?= 1000
fleet: build ## a thousand boards (BOARDS=) against mosquitto and a cluster, and all lose their power; 10 minutes
	@uplink/cluster/fleet $(GO) $(BOARDS)

fuzz-short:
	@sh .ci/fuzz $(GO) 10s

FUZZ ?= 5m
fuzz: ## each fuzz target for 5 minutes (FUZZ=)
	@sh .ci/fuzz $(GO) $(FUZZ)

bench: ## one table of the goals and what was measured, with peers (ONLY=STEP,… for some)
	@$(GO) run ./bench -only '$(ONLY)'

bench-store: ## the ring beside other engines
	$(GO) test -run '^$$' -bench . -benchmem ./store
	$(GO) test -run '^$$' -bench FlashPerPoint -benchtime 50x ./cmd/meterd/tool
	cd store/peers && $(GO) run . wear && $(GO) run . crash -n 50 ring ring-512 bbolt tidwall sqlite

clean: ## removes bin
	rm -rf bin
