"use strict";
// The page of a report: it reads the data that stand behind it and draws them.
// Whatever it shows goes in as text.
(() => {
  const read = el => JSON.parse(el.textContent);
  let B, M, end; // the board, the meters, and whether all was written
  let zh = false, week = true;

  // say gives a text in the language that is shown; {0}, {1} are arguments.
  const say = (en, cn, ...args) => (zh ? cn : en).replace(/\{(\d)\}/g, (_, i) => args[i]);
  // plain takes out what would turn the direction of writing or cannot be seen.
  const plain = s => String(s).replace(/[\p{Cc}\p{Cf}\p{Co}\p{Cs}\u2028\u2029]/gu, "?");
  const h = (name, of, ...children) => {
    const el = document.createElement(name);
    for (const [k, v] of Object.entries(of || {})) if (v !== null && v !== undefined && v !== false) el.setAttribute(k, v === true ? "" : plain(v));
    for (const c of children.flat()) if (c !== null && c !== undefined) el.append(c instanceof Node ? c : plain(c));
    return el;
  };

  // Times are shown in the board's zone, wherever they are looked at.
  const offset = t => { let o = B.offsets[0][1]; for (const [from, off] of B.offsets) if (t >= from) o = off; return o; };
  const wall = t => new Date((t + offset(t)) * 1000);
  const two = n => String(n).padStart(2, "0");
  const day = d => two(d.getUTCMonth() + 1) + "-" + two(d.getUTCDate());
  const clock = d => two(d.getUTCHours()) + ":" + two(d.getUTCMinutes());
  const when = t => { const d = wall(t); return d.getUTCFullYear() + "-" + day(d) + " " + clock(d); };
  const east = t => { const o = offset(t) / 60, a = Math.abs(o); return (o < 0 ? "-" : "+") + two(Math.floor(a / 60)) + ":" + two(a % 60); };
  const seconds = iso => Math.floor(Date.parse(iso) / 1000);
  const lasting = s => {
    const d = Math.floor(s / 86400), hh = Math.floor(s % 86400 / 3600), m = Math.floor(s % 3600 / 60);
    if (d) return say("{0} d {1} h", "{0} 天 {1} 小时", d, hh);
    if (hh) return say("{0} h {1} min", "{0} 小时 {1} 分", hh, m);
    return m ? say("{0} min", "{0} 分钟", m) : say("{0} s", "{0} 秒", Math.floor(s));
  };
  const size = n => n >= 1 << 20 ? (n / (1 << 20)).toFixed(n < 10 << 20 ? 1 : 0) + " MiB" : Math.round(n / 1024) + " KiB";
  const percent = x => { const p = 100 * x; return (p >= 99.95 || p === 0 ? p.toFixed(0) : Math.min(p, 99.9).toFixed(1)) + " %"; };
  const unknown = () => h("span", {class: "soft"}, say("not there", "无"));

  // The days that are shown, as numbers.
  const first = () => week ? B.days.length - 1 - B.week : 0;
  const shown = list => list.slice(first());
  const days = () => shown(B.days.slice(0, -1));

  const words = {
    "meter-online": ["answers again", "恢复应答"], "meter-offline": ["does not answer", "无应答"], "meter-replaced": ["another meter hangs there", "电表已更换"],
    "fault-on": ["fault came", "故障发生"], "fault-off": ["fault went", "故障消失"], "relay-changed": ["relay changed", "拉合闸状态变化"], "cover-opened": ["cover opened", "开盖"],
    "power-off": ["power was off", "停电"], "meter-event": ["event of the meter", "电表事件"], "values-missing": ["values missing for good", "数据永久缺失"],
    "time": ["time told to the meters", "广播校时"], "clock-trusted": ["clock is right", "时钟已校准"], "gap": ["readings lost before delivery", "数据未上送即丢失"], "config-applied": ["another configuration", "采用新配置"],
    "relay": ["relay", "拉合闸"], "alarm": ["alarm", "报警"], "protection": ["protection", "保电"], "set": ["set", "设置"], "write": ["write", "写入"], "clock": ["clock", "校时"], "freeze": ["freeze", "冻结"], "demand-reset": ["demand reset", "需量清零"],
    "done": ["done", "完成"], "denied": ["denied", "未授权"], "unknown": ["unknown", "未知"], "invalid": ["invalid", "无效"], "no answer": ["no answer", "无应答"], "refused": ["refused", "电表拒绝"],
    "not confirmed": ["not confirmed", "未确认"], "failed": ["failed", "失败"], "busy": ["busy", "忙"], "expired": ["expired", "已过期"], "nameless": ["nameless", "无编号"],
    "board": ["power came or reset", "上电或复位"], "reboot": ["reboot ordered", "命令重启"], "watchdog": ["watchdog", "看门狗复位"], "program": ["program restarted", "程序重启"], "crash": ["program crashed", "程序异常退出"],
    "ntp": ["NTP", "NTP"], "rtc": ["the board's RTC", "板载 RTC"], "meters": ["the meters (median)", "电表（中位数）"], "system": ["nobody; it is after the build date", "无来源，但晚于编译日期"], "none": ["nobody", "无来源"],
    "corrupt": ["damaged", "损坏"], "overwritten": ["overwritten", "已覆盖"], "torn": ["torn", "写入中断"], "reserved": ["reserved, never used", "预留未用"], "newer": ["of a newer version", "版本较新"],
    "closed": ["closed", "合闸"], "open": ["open", "拉闸"],
    "energy.forward": ["forward", "正向"],
    "power.active.total": ["power", "功率"], "voltage.a": ["phase A", "A 相"], "voltage.b": ["phase B", "B 相"], "voltage.c": ["phase C", "C 相"],
  };
  const word = w => Object.hasOwn(words, w) ? words[w][zh ? 1 : 0] : w;

  // table makes a table that is scrolled in itself where it is too wide. Columns
  // are a heading and a class; cells are text or elements.
  const table = (caption, columns, rows) => h("div", {class: "wide", tabindex: "0", role: "region", "aria-label": caption},
    h("table", {}, h("caption", {hidden: true}, caption),
      h("thead", {}, h("tr", {}, columns.map(([text, of]) => h("th", {class: of, scope: "col"}, text)))),
      h("tbody", {}, rows.map(r => h("tr", {}, r.map((c, i) => h("td", {class: columns[i][1]}, c)))))));
  const facts = list => h("dl", {}, list.filter(f => f && f[1] !== null && f[1] !== undefined && f[1] !== "").map(([k, v, of]) => h("div", {}, h("dt", {}, k), h("dd", {class: of}, v))));

  // unpack gives the bins of a series: pairs of the least and the greatest.
  const unpack = (s, n) => {
    const low = new Array(n).fill(null), high = new Array(n).fill(null);
    let v = 0, at = 0;
    for (let r = 0; r < s.runs.length; r += 2)
      for (let i = s.runs[r]; i < s.runs[r] + s.runs[r + 1]; i++, at += 2) {
        v += s.values[at];
        low[i] = v;
        high[i] = v + s.values[at + 1];
      }
    return {low, high};
  };

  // lines gives the data of a chart. Bins of one series that lie further apart
  // than its values do have nothing between them.
  const lines = chart => {
    const [base, width, n] = week ? B.fine : B.coarse, unit = 10 ** chart.decimals;
    const apart = Math.max(chart.step, width) + width;
    const series = chart.series.map(s => unpack(week ? s.fine : s.coarse, n));
    const x = [], y = series.flatMap(() => [[], []]), bin = [];
    let last = null;
    for (let i = 0; i < n; i++) {
      if (!series.some(s => s.low[i] !== null)) continue;
      if (last !== null && (i - last) * width > apart) {
        x.push(base + (last + 1) * width + 1);
        bin.push(null);
        y.forEach(v => v.push(null));
      }
      last = i;
      x.push(base + (i + .5) * width);
      bin.push(i);
      series.forEach((s, k) => {
        y[2 * k].push(s.low[i] === null ? undefined : s.low[i] / unit);
        y[2 * k + 1].push(s.high[i] === null ? undefined : s.high[i] / unit);
      });
    }
    return {data: [x, ...y], bin, empty: last === null};
  };

  const colour = name => getComputedStyle(document.documentElement).getPropertyValue("--" + name).trim();
  const colours = {"power.active.total": "power", "voltage.a": "a", "voltage.b": "b", "voltage.c": "c"};
  const font = "12px system-ui, sans-serif";
  const axis = () => ({stroke: colour("soft"), font, grid: {stroke: colour("line"), width: 1}, ticks: {stroke: colour("line"), width: 1, size: 4}});
  const number = (v, decimals) => v.toFixed(decimals);
  const mark = (m, i) => { const r = m.how[week ? 0 : 1]; for (let k = 0; k < r.length; k += 3) if (i >= r[k] && i < r[k] + r[k + 1]) return r[k + 2]; return 0; };
  const alone = (u, i) => { // points of a series with nothing at their sides, which no line shows
    const v = u.data[i], out = [];
    for (let k = 0; k < v.length; k++) if (v[k] != null && v[k - 1] == null && v[k + 1] == null) out.push(k);
    return out;
  };

  // drawLines draws power or voltage into an element. It gives what takes it away.
  const drawLines = (el, m, chart, told) => {
    const {data, bin, empty} = lines(chart);
    const [base, width] = week ? B.fine : B.coarse;
    if (empty) return blank(el, say("No values in this time.", "此期间无数据。"));
    const shade = u => {
      const r = m.how[week ? 0 : 1];
      for (let k = 0; k < r.length; k += 3) {
        const a = u.valToPos(base + r[k] * width, "x", true), z = u.valToPos(base + (r[k] + r[k + 1]) * width, "x", true);
        const from = Math.max(a, u.bbox.left), to = Math.min(z, u.bbox.left + u.bbox.width);
        if (to <= from) continue;
        u.ctx.fillStyle = colour(r[k + 2] === 2 ? "shade-doubt" : "shade");
        u.ctx.fillRect(from, u.bbox.top, to - from, u.bbox.height);
      }
    };
    const tell = u => {
      const i = u.cursor.idx, b = i == null ? null : bin[i];
      if (b == null) { told(null); return; }
      const parts = chart.series.map((s, k) => {
        const low = u.data[1 + 2 * k][i], high = u.data[2 + 2 * k][i];
        if (low == null) return null;
        const text = low === high ? number(low, chart.decimals) : number(low, chart.decimals) + " – " + number(high, chart.decimals);
        return (chart.series.length > 1 ? word(s.point) + " " : "") + text;
      }).filter(Boolean);
      const how = ["", say(" (from the meter's memory)", "（由电表补抄）"), say(" (doubtful)", "（存疑）")][mark(m, b)];
      told(when(base + b * width) + "  " + parts.join(", ") + " " + chart.unit + how);
    };
    const series = chart.series.flatMap(s => {
      const stroke = colour(colours[s.point] || "power");
      const one = {stroke, width: 1.2, points: {show: true, filter: alone, size: 4, fill: stroke, stroke}};
      return [one, {...one, points: {...one.points}}];
    });
    const from = B.days[first()].from;
    const u = new uPlot({
      width: el.clientWidth, height: el.clientHeight, legend: {show: false}, cursor: {drag: {x: false, y: false}, points: {show: false}, y: false},
      tzDate: t => { const d = wall(t); return new Date(d.getUTCFullYear(), d.getUTCMonth(), d.getUTCDate(), d.getUTCHours(), d.getUTCMinutes(), d.getUTCSeconds()); },
      scales: {x: {range: [from, Math.max(B.now, from + 3600)]}, y: {range: (u, low, high) => low >= 0 && chart.name === "power" ? [0, high > 0 ? high * 1.08 : 1] : low === high ? [low - 1, high + 1] : [low - .06 * (high - low), high + .06 * (high - low)]}},
      bands: chart.series.map((s, k) => ({series: [2 + 2 * k, 1 + 2 * k], fill: colour(colours[s.point] || "power") + "44"})),
      series: [{}, ...series],
      axes: [
        {...axis(), space: 52, size: 30, values: (u, at) => at.map(t => { const d = wall(t); return d.getUTCHours() + d.getUTCMinutes() ? clock(d) : day(d); })},
        {...axis(), size: 54, values: (u, at) => { let k = 0; while (k < 3 && at.some(v => Math.abs(v - Number(v.toFixed(k))) > 1e-9)) k++; return at.map(v => v.toFixed(k)); }},
      ],
      hooks: {drawClear: [shade], setCursor: [tell]},
    }, data, el);
    return u;
  };

  // drawBars draws a value of each day. Parts stand before each other, the last
  // one in front; a day without a value has a dash.
  const drawBars = (el, parts, unit, range, told, text) => {
    const list = days(), n = list.length;
    if (!parts[0].values.some(v => v !== null)) return blank(el, say("Not there: the meter's books have no whole day in this time.", "无：此期间电表账目中没有完整的一天。"));
    const x = list.map((_, i) => i);
    const dashes = u => {
      u.ctx.fillStyle = colour("soft");
      u.ctx.textAlign = "center";
      u.ctx.font = (12 * devicePixelRatio) + "px system-ui, sans-serif";
      parts[0].values.forEach((v, i) => { if (v === null) u.ctx.fillText("–", u.valToPos(i, "x", true), u.bbox.top + u.bbox.height - 4 * devicePixelRatio); });
    };
    return new uPlot({
      width: el.clientWidth, height: el.clientHeight, legend: {show: false}, cursor: {drag: {x: false, y: false}, points: {show: false}, y: false},
      scales: {x: {time: false, range: [-.6, n - .4]}, y: {range}},
      series: [{}, ...parts.map(p => ({stroke: colour(p.colour), fill: colour(p.colour), width: 0, points: {show: false}, paths: uPlot.paths.bars({size: [.68, 44]})}))],
      axes: [
        {...axis(), grid: {show: false}, size: 30, space: 44, incrs: [1, 2, 3, 5, 7, 10, 14], values: (u, at) => at.map(i => Number.isInteger(i) && list[i] ? list[i].day.slice(5) : "")},
        {...axis(), size: 54, space: 28},
      ],
      hooks: {draw: [dashes], setCursor: [u => told(u.cursor.idx == null ? null : list[u.cursor.idx].day + "  " + text(u.cursor.idx))]},
    }, [x, ...parts.map(p => p.values)], el);
  };

  const blank = (el, text) => {
    const p = h("div", {class: "none"}, text);
    el.append(p);
    return {destroy: () => p.remove(), setSize: () => {}};
  };

  // Charts are drawn while they are near what is seen, and all that are open
  // before the page is printed.
  const charts = new Map();
  const show = el => { const c = charts.get(el); if (c && !c.drawn && el.clientWidth > 0) c.drawn = c.draw(el); };
  const hide = el => { const c = charts.get(el); if (c && c.drawn) { c.drawn.destroy(); c.drawn = null; } };
  const seen = new IntersectionObserver(list => list.forEach(e => e.isIntersecting ? show(e.target) : hide(e.target)), {rootMargin: "800px"});
  const sized = new ResizeObserver(list => list.forEach(e => {
    const c = charts.get(e.target);
    if (c && c.drawn && e.contentRect.width > 0) c.drawn.setSize({width: Math.floor(e.contentRect.width), height: Math.floor(e.contentRect.height)});
  }));
  const redraw = () => charts.forEach((c, el) => { if (c.drawn) { hide(el); show(el); } });

  const figure = (title, label, low, keys, draw) => {
    const caption = h("figcaption", {});
    const legend = () => caption.replaceChildren(...keys.map(([c, text]) => { const i = h("i", {}); i.style.background = "var(--" + c + ")"; return h("span", {class: "key"}, i, text); }));
    const el = h("div", {class: low ? "chart low" : "chart", role: "img", "aria-label": label});
    const told = text => { if (text === null) legend(); else caption.textContent = plain(text); };
    legend();
    charts.set(el, {draw: el => draw(el, told), drawn: null});
    seen.observe(el);
    sized.observe(el);
    return h("figure", {}, h("h3", {}, title), caption, el);
  };

  // sum adds the moments of the days that are shown; null where there are none.
  const sum = m => shown(m.moments).reduce((a, d) => d ? [(a || [0, 0, 0])[0] + d[0], (a || [0, 0, 0])[1] + d[1], (a || [0, 0, 0])[2] + d[2]] : a, null);
  const value = (m, point) => { const v = m.last.find(v => v[0] === point); return v ? v[1] + (v[2] ? " " + v[2] : "") : null; };
  const since = () => B.days[first()].from;
  const gapsOf = m => m.gaps.filter(g => g[1] > since());
  const eventsOf = m => m.events.filter(e => e.time >= since());
  const isFault = e => e.kind === "fault-on";
  const state = s => !s ? null : !s.asked ? h("span", {class: "soft"}, say("not asked yet", "尚未抄读")) : s.online ? h("span", {class: "good"}, say("online", "在线")) : h("span", {class: "bad"}, say("offline", "离线"));
  const statusOf = m => B.status ? B.status.meters.find(s => s.address === m.address) : null;

  const header = () => {
    const press = (text, on, act, label) => { const b = h("button", {type: "button", "aria-pressed": on === null ? null : String(on), "aria-label": label}, text); b.onclick = act; return b; };
    const parts = [h("h1", {}, B.gateway || say("Meters", "电表")),
      h("p", {class: "soft"}, say("Report of {0} (UTC{1}{2}), by meterd {3}", "报告时间 {0}（UTC{1}{2}），meterd {3}", when(B.now), east(B.now), B.zone && B.zone !== "Local" && B.zone !== "UTC" ? ", " + B.zone : "", B.version))];
    return h("header", {class: "top"}, h("div", {}, parts), h("div", {class: "buttons"},
      press(say("7 days", "7 天"), week, () => { week = true; build(); }), press(say("30 days", "30 天"), !week, () => { week = false; build(); }),
      press(zh ? "English" : "中文", null, () => { zh = !zh; build(); }, zh ? "Show this page in English" : "切换为中文")));
  };

  const overview = () => {
    const rows = M.map((m, i) => {
      const c = sum(m), s = statusOf(m), e = m.energy[m.energy.length - 2], gaps = gapsOf(m).length, faults = eventsOf(m).filter(isFault).length, commands = eventsOf(m).filter(e => e.command).length;
      const relay = s ? s.relay : value(m, "relay");
      const name = h("a", {href: "#m" + i}, m.name);
      name.onclick = () => { opened.set(i, true); document.getElementById("m" + i).open = true; };
      return [name, [state(s), relay === "open" ? h("span", {class: "bad"}, " ", say("relay open", "已拉闸")) : null], value(m, "power.active.total") || unknown(), value(m, "voltage.a") || unknown(), m.today === null ? unknown() : m.today, e === null ? unknown() : e,
        c && c[2] ? percent((c[0] + c[1]) / c[2]) : unknown(), String(gaps + (gaps === m.gaps.length ? m.more_gaps : 0)), String(faults), String(commands)];
    });
    const n = "n";
    return [h("h2", {}, say("Meters", "电表")), table(say("Meters", "电表"), [[say("Meter", "电表")], [say("State", "状态"), "t"], [say("Power", "功率"), n], [say("Voltage A", "A 相电压"), n], [say("Today, kWh", "今日 kWh"), n], [say("Yesterday, kWh", "昨日 kWh"), n],
      [say("Complete", "完整率"), n], [say("Gaps", "缺口"), n], [say("Faults", "故障"), n], [say("Commands", "命令"), n]], rows),
      B.left_out ? h("p", {class: "warn"}, say("{0} more meters are not on this page; their readings stand in the CSV files.", "另有 {0} 块电表未列入本页，其数据见 CSV 文件。", B.left_out)) : null];
  };

  const eventRow = e => {
    let what = word(e.kind), came = "";
    if (e.command) came = e.outcome ? word(e.outcome) : say("outcome not known", "结果未知");
    const of = e.kind === "fault-on" || e.kind === "meter-offline" || e.kind === "values-missing" || e.kind === "gap" || (e.command && e.outcome !== "done") ? "bad" : null;
    return [when(e.time) + (e.recalled ? say(" (by the meter)", "（电表记录）") : ""), h("span", {class: of}, what), e.text || "", e.by === "console" ? say("console", "控制台") : e.by || "", came];
  };
  const eventTable = (title, list, more, commands) => [h("h3", {}, title), list.length ? table(title, [[say("Time", "时间"), "t"], [say("What", "事项"), "t"], [say("More", "说明"), "free"], ...(commands ? [[say("By", "来源"), "t"], [say("Outcome", "结果"), "t"]] : [])], list.map(e => eventRow(e).slice(0, commands ? 5 : 3))) : h("p", {class: "soft"}, say("none in this time", "此期间无")),
    more ? h("p", {class: "soft"}, say("{0} older ones are not shown.", "另有 {0} 条较早的未显示。", more)) : null];

  const boardPart = () => {
    const s = B.status, r = B.ring, out = [h("h2", {}, say("The board", "本板"))];
    const starts = B.starts.filter(t => t >= since());
    const ring = r.capacity_bytes ? say("{0} of {1} used ({2}), numbers {3} to {4}", "已用 {0} / {1}（{2}），编号 {3} 至 {4}", size(r.used_bytes), size(r.capacity_bytes), percent(r.used_bytes / r.capacity_bytes), r.first, r.last) : say("in memory only", "仅在内存中");
    if (!s) {
      out.push(h("p", {class: "soft"}, say("Made from the ring alone: how the board itself is, is not known here.", "仅由存储文件生成：本板自身状态未知。")), facts([[say("Ring", "存储"), ring], [say("Damaged places", "损坏处"), String(r.corrupt), r.corrupt ? "bad" : null], [say("Starts of the system", "系统启动次数"), String(starts.length)]]));
    } else {
      const b = s.health, hold = s.ring.holds_s;
      if (B.problems && B.problems.length) out.push(h("ul", {class: "problems"}, B.problems.map(p => h("li", {}, p.what[zh ? 1 : 0], p.todo[zh ? 1 : 0] ? h("small", {}, p.todo[zh ? 1 : 0]) : null))));
      else out.push(h("p", {class: "good"}, say("Nothing is wrong.", "无异常。")));
      const opinions = (s.clock.opinions || []).map(o => word(o.source.replace(/^platform /, "")) + " " + (o.offset_s >= 0 ? "+" : "") + o.offset_s.toFixed(1) + " s").join(", ");
      out.push(facts([
        [say("Version", "版本"), s.version], [say("Program runs for", "程序已运行"), lasting(s.uptime_s)], [say("Board runs for", "系统已运行"), lasting(b.board_uptime_s)],
        [say("Started because", "启动原因"), b.started ? word(b.started) : null], [say("Starts of the system in this time", "此期间系统启动"), String(starts.length) + (starts.length ? " (" + say("last {0}", "最近 {0}", when(Math.max(...starts))) + ")" : "")],
        [say("Clock", "时钟"), (s.clock.trusted ? say("right, by ", "可信，来源：") : say("doubted, by ", "不可信，来源：")) + word(s.clock.source.replace(/^platform /, "")), s.clock.trusted ? null : "bad"], [say("Others say of it", "与其他来源相差"), opinions],
        [say("Memory", "内存"), b.memory_total_bytes ? say("{0} of {1} free, meterd uses {2}", "空闲 {0} / {1}，meterd 占用 {2}", size(b.memory_available_bytes), size(b.memory_total_bytes), size(b.memory_used_bytes)) : null],
        [say("Processor", "处理器"), b.cpu_percent === null ? null : b.cpu_percent + " %"], [say("Temperature", "温度"), b.temperature ? b.temperature + " °C" : null],
        [say("Ring", "存储"), ring], [say("A full ring holds", "写满可存"), hold ? lasting(hold) : null], [say("Damaged places", "损坏处"), String(r.corrupt), r.corrupt ? "bad" : null], [say("Written to flash", "闪存写入"), size(s.ring.bytes_written)],
        [say("Watchdog", "看门狗"), s.watchdog.device ? s.watchdog.device + ", " + s.watchdog.timeout_s + " s" : s.watchdog.systemd ? "systemd" : say("none", "无")],
        [say("Record of yesterday", "昨日记录"), s.record ? say("{0} of {1} meters whole", "{0} / {1} 块完整", s.record.whole, s.record.meters) : null],
      ]));
      const c = (b, k) => String(b[k]), n = "n";
      const lost = (b, k) => b.requests ? percent(b[k] / b.requests) : "–";
      if (s.buses.length) out.push(h("h3", {}, say("Lines, since the program started", "总线（自程序启动）")), table(say("Lines", "总线"), [[say("Line", "总线")], [say("Port", "端口"), "free"], [say("Load", "负载"), n], [say("Planned", "计划"), n], [say("Requests", "请求"), n], [say("Silence", "无应答"), n], [say("Noise", "干扰"), n], [say("Refusals", "拒绝"), n], [say("Retries", "重试"), n], [say("Late", "迟到"), n]],
        s.buses.map(b => [b.name, [b.port, b.port_error ? h("span", {class: "bad"}, " ", b.port_error) : null], percent(b.load), percent(b.planned), c(b, "requests"), lost(b, "silence"), lost(b, "noise"), lost(b, "refusals"), c(b, "retries"), c(b, "late")])));
      if (s.uplinks.length) out.push(h("h3", {}, say("Platforms", "上行平台")), table(say("Platforms", "上行平台"), [[say("Platform", "平台")], [say("Kind", "类型"), "t"], [say("State", "状态"), "t"], [say("Waiting", "待发"), n], [say("Acknowledged", "已确认"), n], [say("Refused", "被拒"), n], [say("Lost", "丢失"), n], [say("Last error", "最近错误"), "free"]],
        s.uplinks.map(u => [u.name, u.kind, u.connected ? h("span", {class: "good"}, say("connected", "已连接")) : h("span", {class: "bad"}, say("not connected", "未连接")), c(u, "queued"), c(u, "acked"), c(u, "refused"), c(u, "lost"), u.last_error])));
    }
    const events = B.events.filter(e => e.time >= since());
    if (events.length) out.push(h("details", {class: "more"}, h("summary", {}, say("Events of the board ({0})", "本板事件（{0}）", events.length)), eventTable(say("Events of the board", "本板事件"), events, B.more_events)));
    if (r.gaps.length) out.push(h("details", {class: "more"}, h("summary", {}, say("Numbers that are missing in the ring ({0})", "存储中缺失的编号（{0}）", r.gaps.length)), table(say("Missing numbers", "缺失的编号"), [[say("From", "起"), "n"], [say("To", "止"), "n"], [say("Why", "原因")]], r.gaps.map(g => [String(g.from), String(g.to), word(g.cause)]))));
    return out;
  };

  // perDay gives the least and the greatest value of a series on each day.
  const perDay = (s, chart) => {
    const [base, width, n] = B.coarse, {low, high} = unpack(s.coarse, n), out = days().map(() => null), f = first();
    for (let i = 0; i < n; i++) {
      if (low[i] === null) continue;
      const t = base + i * width + width / 2;
      let d = B.days.length - 2;
      while (d > 0 && B.days[d].from > t) d--;
      if (d < f) continue;
      const o = out[d - f];
      out[d - f] = o ? [Math.min(o[0], low[i]), Math.max(o[1], high[i])] : [low[i], high[i]];
    }
    const unit = 10 ** chart.decimals;
    return out.map(o => o ? number(o[0] / unit, chart.decimals) + " – " + number(o[1] / unit, chart.decimals) : unknown());
  };

  const dayTable = m => {
    const columns = [[say("Day", "日期"), "t"]], cells = [days().map(d => d.day)];
    for (const chart of m.charts) for (const s of chart.series) {
      columns.push([(chart.name === "voltage" ? say("Voltage ", "电压 ") : "") + word(s.point) + ", " + chart.unit, "n"]);
      cells.push(perDay(s, chart));
    }
    const moments = shown(m.moments);
    columns.push([say("Used, kWh", "用电量 kWh"), "n"], [say("Read", "实时"), "n"], [say("From memory", "补抄"), "n"], [say("Missing", "缺失"), "n"]);
    const kwh = shown(m.energy).map(e => e === null ? unknown() : e);
    if (m.today !== null) kwh[kwh.length - 1] = m.today + say(" so far", "（至今）");
    cells.push(kwh, ...[0, 1, 2].map(k => moments.map(d => d ? String(k < 2 ? d[k] : d[2] - d[0] - d[1]) : "–")));
    return table(say("Values of each day", "每日数值"), columns, cells[0].map((_, i) => cells.map(c => c[i])).reverse());
  };

  const recordTable = m => {
    const rows = (m.record || []).flatMap(part => part.days.filter(d => d.missing + d.open > 0).map(d => [d.day, part.of + " " + part.step, String(d.live), String(d.made_up), String(d.missing), String(d.open), Object.entries(d.causes || {}).map(([c, n]) => c + " " + n).join(", ")]));
    if (!rows.length) return null;
    const n = "n";
    return [h("h3", {}, say("What lacks in the record, in values", "记录中缺少的数值")), table(say("Record", "记录"), [[say("Day", "日期"), "t"], [say("Of", "类别"), "t"], [say("Read", "实时"), n], [say("From memory", "补抄"), n], [say("Missing", "缺失"), n], [say("To come", "待补"), n], [say("Why", "原因"), "free"]], rows)];
  };

  const meterPart = (m, i, open) => {
    const s = statusOf(m), c = sum(m), body = h("div", {});
    const has = k => m.how[week ? 0 : 1].some((v, at) => at % 3 === 2 && v === k);
    const keysOf = chart => [...chart.series.map(s => [colours[s.point], word(s.point)]), ...(has(1) ? [["shade", say("from the meter's memory", "由电表补抄")]] : []), ...(has(2) ? [["shade-doubt", say("doubtful", "存疑")]] : [])];
    const fill = () => {
      if (body.firstChild) return;
      const kwh = shown(m.energy).map(e => e === null ? null : Number(e)), moments = shown(m.moments), today = m.today === null ? null : Number(m.today);
      const titles = {power: say("Power, kW", "功率，kW"), voltage: say("Voltage, V", "电压，V")};
      const label = t => say("{0}: {1}. The table of the days below tells the same in numbers.", "{0}：{1}。下方“每日数值”表以数字列出相同内容。", m.name, t);
      const figures = m.charts.map(chart => figure(titles[chart.name], label(titles[chart.name]), false, keysOf(chart), (el, told) => drawLines(el, m, chart, told)));
      const used = say("Energy of each day, kWh", "每日用电量，kWh"), whole = say("Completeness of each day, %", "每日完整率，%");
      figures.push(figure(used, label(used), true, [["energy", say("by the meter's books; – is not there", "按电表账目；– 表示无")], ...(m.today === null ? [] : [["so-far", say("today so far", "今日至今")]])], (el, told) => drawBars(el, [{values: kwh.map((v, i) => i === kwh.length - 1 ? today : v), colour: "so-far"}, {values: kwh, colour: "energy"}], "kWh", (u, low, high) => [0, high > 0 ? high * 1.1 : 1], told, k => k === kwh.length - 1 && m.today !== null ? m.today + " kWh" + say(" so far", "（至今）") : shown(m.energy)[k] === null ? say("not there", "无") : shown(m.energy)[k] + " kWh")));
      const share = k => moments.map(d => d && d[2] ? 100 * (k ? d[0] : d[0] + d[1]) / d[2] : null);
      figures.push(figure(whole, label(whole), true, [["power", say("read", "实时")], ["memory", say("from the meter's memory", "由电表补抄")]], (el, told) => drawBars(el, [{values: share(0), colour: "memory"}, {values: share(1), colour: "power"}], "%", () => [0, 100], told,
        k => moments[k] ? say("{0} read, {1} from memory, {2} missing", "实时 {0}，补抄 {1}，缺失 {2}", moments[k][0], moments[k][1], moments[k][2] - moments[k][0] - moments[k][1]) : say("nothing yet", "尚无"))));
      const quality = s ? [[say("Answers", "应答率"), s.requests ? percent(s.answers / s.requests) : null], [say("Answer time", "应答时间"), s.answers ? say("{0} ms, 99 % within {1} ms", "{0} ms，99 % 在 {1} ms 内", Math.round(s.p50_ms), Math.round(s.p99_ms)) : null],
        [say("Silence, noise, refusals", "无应答、干扰、拒绝"), s.silence + ", " + s.noise + ", " + s.refusals], [say("Retries", "重试"), String(s.retries)], [say("Rounds lost, missed", "丢失、错过的轮次"), s.lost + ", " + s.missed], [say("Last answer", "最近应答"), s.last_good ? when(seconds(s.last_good)) : null], [say("Last error", "最近错误"), s.online ? null : s.last_error]] : [];
      const gaps = gapsOf(m), n = "n";
      const all = eventsOf(m);
      body.append(
        facts([[say("Address", "表号"), m.address], [say("Line", "总线"), m.bus], [say("Last reading", "最近读数"), m.last_at === null ? unknown() : when(m.last_at)], [say("Complete in this time", "此期间完整率"), c && c[2] ? say("{0}: {1} read, {2} from memory, {3} missing, one every {4}", "{0}：实时 {1}，补抄 {2}，缺失 {3}，每{4}一次", percent((c[0] + c[1]) / c[2]), c[0], c[1], c[2] - c[0] - c[1], zh ? lasting(m.step).replaceAll(" ", "") : lasting(m.step)) : unknown()],
          m.undated ? [say("Readings without a time", "无时间的读数"), String(m.undated)] : null, ...quality]),
        h("div", {class: "charts"}, figures),
        h("details", {class: "more days"}, h("summary", {}, say("Values of each day", "每日数值")), dayTable(m)),
        h("details", {class: "more"}, h("summary", {}, say("Last values ({0})", "最近数值（{0}）", m.last.length)), table(say("Last values", "最近数值"), [[say("Point", "数据项")], [say("Value", "数值"), "n"], [say("Unit", "单位")]], m.last)),
        ...[h("h3", {}, say("Gaps of a quarter of an hour or longer", "一刻钟以上的缺口")), gaps.length ? table(say("Gaps", "缺口"), [[say("From", "起"), "t"], [say("To", "止"), "t"], [say("How long", "时长"), n]], gaps.slice(0, 20).map(g => [when(g[0]), g[1] >= B.now ? say("now", "至今") : when(g[1]), lasting(g[1] - g[0])])) : h("p", {class: "soft"}, say("none in this time", "此期间无")),
          gaps.length > 20 ? h("p", {class: "soft"}, say("{0} older ones are not shown.", "另有 {0} 条较早的未显示。", gaps.length - 20 + m.more_gaps)) : null].filter(Boolean),
        ...[recordTable(m)].flat().filter(Boolean),
        ...eventTable(say("Commands", "命令"), all.filter(e => e.command), 0, true).filter(Boolean),
        ...eventTable(say("Faults and events", "故障与事件"), all.filter(e => !e.command), m.more_events).filter(Boolean));
    };
    const el = h("details", {class: "meter", id: "m" + i, open}, h("summary", {}, h("h2", {}, m.name), state(s), m.configured || !B.status ? null : h("span", {class: "soft"}, say("not in the configuration", "配置中无此表"))), body);
    if (open) fill();
    el.addEventListener("toggle", () => { if (el.open) fill(); opened.set(i, el.open); });
    return el;
  };

  const opened = new Map();
  const fewMeters = 12;
  const build = () => {
    charts.forEach((c, el) => { hide(el); seen.unobserve(el); sized.unobserve(el); });
    charts.clear();
    document.documentElement.lang = zh ? "zh" : "en";
    document.title = plain((B.gateway ? B.gateway + " – " : "") + say("report of the meters", "电表报告"));
    const parts = [header()];
    if (!end) parts.push(h("p", {class: "bad", role: "alert"}, say("This page is not whole: it was cut off while it was written. Was the stick pulled too early?", "本页不完整：写入时中断。是否过早拔出了 U 盘？")));
    if (B.status && !B.status.clock.trusted) parts.push(h("p", {class: "warn"}, say("The board's clock was not right when this was written.", "生成本页时本板时钟不可信。")));
    parts.push(overview(), boardPart(), M.map((m, i) => meterPart(m, i, opened.has(i) ? opened.get(i) : M.length <= fewMeters || i === 0)));
    parts.push(h("footer", {}, h("p", {}, say("Times are the board's (UTC{0}). Lines show the least and the greatest value of {1}; where nothing was read they are broken. What a day has used is told by the meter's own books or not at all.", "时间为本板时区（UTC{0}）。曲线显示每 {1} 的最小值和最大值；未抄读处断开。每日用电量仅取自电表自身账目。", east(B.now), lasting((week ? B.fine : B.coarse)[1])))));
    document.getElementById("page").replaceChildren(...parts.flat(2).filter(Boolean));
  };

  document.addEventListener("DOMContentLoaded", () => {
    try { B = read(document.getElementById("board")); } catch (e) {
      document.getElementById("page").append(h("p", {class: "bad", role: "alert"}, "This page was cut off while it was written; 本页写入时中断，内容不完整。"));
      return;
    }
    end = document.getElementById("end");
    M = [];
    for (const el of document.querySelectorAll("script.meter")) try { M.push(read(el)); } catch (e) { end = null; }
    const wish = location.hash.slice(1).split(",");
    zh = wish.includes("zh") || !wish.includes("en") && (navigator.languages[0] || "").toLowerCase().startsWith("zh");
    week = !wish.includes("30");
    build();
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redraw);
    addEventListener("beforeprint", () => { document.documentElement.dataset.print = ""; redraw(); charts.forEach((_, el) => show(el)); });
    addEventListener("afterprint", () => { delete document.documentElement.dataset.print; redraw(); });
  });
})();
