package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"time"
)

// holdMain opens many slow streams at once and reports what each costs the gateway in memory.
func holdMain(args []string) {
	fs := flag.NewFlagSet("hold", flag.ExitOnError)
	var cf clientFlags
	cf.register(fs)
	conns := fs.Int("c", 1000, "streams")
	ramp := fs.Duration("ramp", 4*time.Second, "time over which they are opened")
	settle := fs.Duration("settle", 4*time.Second, "time to hold after all have begun")
	maxWait := fs.Duration("max", 40*time.Second, "give up waiting for all to begin")
	fs.Parse(args)
	cf.stream = true
	t := cf.target()
	before := memKB(tree(cf.pid))
	fd0 := fdCount(tree(cf.pid))
	var begun, ended, failed int64
	var chunks int64
	var mu sync.Mutex
	var ttft, trans []int64
	var lastErr string
	stop := make(chan struct{})
	var wg sync.WaitGroup
	clis := make([]*cli, *conns)
	for i := range clis {
		clis[i] = &cli{t: t}
	}
	for i := 0; i < *conns; i++ {
		wg.Add(1)
		go func(i int) {
			defer wg.Done()
			time.Sleep(time.Duration(i) * *ramp / time.Duration(*conns))
			k := clis[i]
			defer k.close()
			r, err := k.do(true, 10*time.Minute, true, func(r *result) bool {
				atomic.AddInt64(&chunks, 1)
				if r.chunks == 1 {
					atomic.AddInt64(&begun, 1)
				}
				select {
				case <-stop:
					return false
				default:
					return true
				}
			})
			mu.Lock()
			if r.chunks == 0 && (err != nil || r.status != 200) {
				failed++
				lastErr = fmt.Sprint(r.status, " ", err)
			} else {
				if r.chunks > 0 {
					ttft = append(ttft, int64(r.first.Sub(r.start)))
				}
				trans = append(trans, r.transit...)
				if r.done {
					ended++
				}
			}
			mu.Unlock()
		}(i)
	}
	t0 := time.Now()
	for time.Since(t0) < *maxWait {
		if atomic.LoadInt64(&begun)+atomic.LoadInt64(&failed) >= int64(*conns) {
			break
		}
		time.Sleep(20 * time.Millisecond)
	}
	took := time.Since(t0)
	pids := tree(cf.pid)
	c0, ch0, s0 := cpuNs(pids), atomic.LoadInt64(&chunks), time.Now()
	time.Sleep(*settle)
	c1, ch1, s1 := cpuNs(pids), atomic.LoadInt64(&chunks), time.Now()
	open := memKB(tree(cf.pid))
	fd1 := fdCount(tree(cf.pid))
	n := atomic.LoadInt64(&begun)
	close(stop)
	for _, k := range clis { // wake those still waiting for a chunk
		if c := k.c; c != nil {
			c.SetReadDeadline(time.Now())
		}
	}
	wg.Wait()
	sorted(ttft)
	sorted(trans)
	o := map[string]interface{}{
		"streams": n, "failed": failed, "ended_early": ended, "last_error": lastErr, "all_begun_s": took.Seconds(),
		"pss_idle_mb": float64(before) / 1024, "pss_open_mb": float64(open) / 1024, "fds_idle": fd0, "fds_open": fd1,
		"ttft_p50_us": quant(ttft, .5), "ttft_p99_us": quant(ttft, .99),
		"transit_p50_us": quant(trans, .5), "transit_p99_us": quant(trans, .99),
		"chunks_per_s": float64(ch1-ch0) / s1.Sub(s0).Seconds(),
		"cpu_pct":      float64(c1-c0) / 1e7 / s1.Sub(s0).Seconds(),
	}
	if n > 0 {
		o["kb_per_stream"] = float64(open-before) / float64(n)
	}
	if ch1 > ch0 {
		o["cpu_us_per_chunk"] = float64(c1-c0) / 1000 / float64(ch1-ch0)
	}
	json.NewEncoder(os.Stdout).Encode(o)
}
