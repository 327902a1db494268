package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"sort"
	"sync"
	"sync/atomic"
	"time"
)

func quant(a []int64, q float64) float64 {
	if len(a) == 0 {
		return 0
	}
	i := int(q * float64(len(a)-1))
	return float64(a[i]) / 1000.0 // µs
}

func sorted(a []int64) []int64 {
	sort.Slice(a, func(i, j int) bool { return a[i] < a[j] })
	return a
}

// loadMain: closed loop (rate 0) or open loop at a fixed rate, for a given time after a warm-up.
func loadMain(args []string) {
	fs := flag.NewFlagSet("load", flag.ExitOnError)
	var cf clientFlags
	cf.register(fs)
	conns := fs.Int("c", 32, "connections")
	dur := fs.Duration("d", 5*time.Second, "measured time")
	warm := fs.Duration("w", time.Second, "warm-up")
	rate := fs.Float64("rate", 0, "requests per second over all connections (0: closed loop)")
	timeout := fs.Duration("timeout", 60*time.Second, "per request")
	transit := fs.Bool("transit", true, "keep the per-chunk transit times")
	fs.Parse(args)
	targets := cf.targets()

	type acc struct {
		lat, ttft, transit []int64
		n, errs, bad       int
		chunks, bytes      int64
		lastErr            string
	}
	accs := make([]acc, *conns)
	var next, turn int64
	begin := time.Now()
	mStart := begin.Add(*warm)
	mEnd := mStart.Add(*dur)
	var liveChunks int64 // chunks as they arrive, so that long streams count where they fall
	var wg sync.WaitGroup
	for i := 0; i < *conns; i++ {
		wg.Add(1)
		go func(a *acc) {
			defer wg.Done()
			k := &cli{}
			defer k.close()
			var hook func(r *result) bool
			if cf.stream {
				hook = func(r *result) bool {
					atomic.AddInt64(&liveChunks, 1)
					return r.chunks&15 != 0 || time.Now().Before(mEnd)
				}
			}
			for {
				now := time.Now()
				if *rate > 0 {
					n := atomic.AddInt64(&next, 1) - 1
					at := begin.Add(time.Duration(float64(n) / *rate * 1e9))
					if at.After(mEnd) {
						return
					}
					if w := at.Sub(now); w > 0 {
						time.Sleep(w)
					}
				}
				if !now.Before(mEnd) {
					return
				}
				k.t = targets[int(atomic.AddInt64(&turn, 1)-1)%len(targets)]
				r, err := k.do(cf.stream, *timeout, *transit, hook)
				if r.start.Before(mStart) {
					if err != nil {
						time.Sleep(20 * time.Millisecond)
					}
					continue
				}
				if err != nil {
					a.errs++
					a.lastErr = err.Error()
					time.Sleep(20 * time.Millisecond)
					continue
				}
				if r.status != 200 {
					a.bad++
					a.lastErr = fmt.Sprintf("status %d", r.status)
					continue
				}
				if r.end.After(mEnd) && !cf.stream {
					continue
				}
				if cf.stream {
					if r.chunks > 0 {
						a.ttft = append(a.ttft, int64(r.first.Sub(r.start)))
					}
					a.transit = append(a.transit, r.transit...)
				}
				if r.done {
					a.n++
					a.lat = append(a.lat, int64(r.end.Sub(r.start)))
				}
				a.bytes += int64(r.bytes)
			}
		}(&accs[i])
	}
	time.Sleep(time.Until(mStart))
	pids, everything := tree(cf.pid), tree(cf.all)
	a0 := cpuNs(everything)
	c0, ch0, t0 := cpuNs(pids), atomic.LoadInt64(&liveChunks), time.Now()
	time.Sleep(time.Until(mEnd))
	c1, ch1, t1 := cpuNs(pids), atomic.LoadInt64(&liveChunks), time.Now()
	a1 := cpuNs(everything)
	mem := memKB(tree(cf.pid))
	wg.Wait()
	var all acc
	for _, a := range accs {
		all.lat = append(all.lat, a.lat...)
		all.ttft = append(all.ttft, a.ttft...)
		all.transit = append(all.transit, a.transit...)
		all.n += a.n
		all.errs += a.errs
		all.bad += a.bad
		all.bytes += a.bytes
		if a.lastErr != "" {
			all.lastErr = a.lastErr
		}
	}
	sorted(all.lat)
	sorted(all.ttft)
	sorted(all.transit)
	secs := t1.Sub(t0).Seconds()
	o := map[string]interface{}{
		"n": all.n, "errors": all.errs, "non200": all.bad, "last_error": all.lastErr,
		"rps": float64(all.n) / secs, "p50_us": quant(all.lat, .5), "p90_us": quant(all.lat, .9), "p99_us": quant(all.lat, .99),
	}
	if cf.stream {
		o["ttft_p50_us"], o["ttft_p99_us"] = quant(all.ttft, .5), quant(all.ttft, .99)
		o["transit_p50_us"], o["transit_p99_us"] = quant(all.transit, .5), quant(all.transit, .99)
		o["chunks_per_s"] = float64(ch1-ch0) / secs
	}
	if cf.pid > 0 {
		cpu := float64(c1-c0) / 1000
		o["cpu_pct"] = cpu / secs / 1e4
		if all.n > 0 {
			o["cpu_us_per_req"] = cpu / float64(all.n)
			o["cpu_all_us_per_req"] = float64(a1-a0) / 1000 / float64(all.n)
		}
		if ch1 > ch0 {
			o["cpu_us_per_chunk"] = cpu / float64(ch1-ch0)
		}
		o["pss_mb"] = float64(mem) / 1024
	}
	json.NewEncoder(os.Stdout).Encode(o)
}
