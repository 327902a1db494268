package main

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"net"
	"os"
	"strconv"
	"strings"
	"time"
)

func mockCall(addr, path string, body []byte) ([]byte, error) {
	c, err := net.DialTimeout("tcp", addr, 5*time.Second)
	if err != nil {
		return nil, err
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(5 * time.Second))
	fmt.Fprintf(c, "POST %s HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%s", path, len(body), body)
	b, err := io.ReadAll(c)
	if err != nil {
		return nil, err
	}
	if i := bytes.Index(b, []byte("\r\n\r\n")); i >= 0 {
		b = b[i+4:]
	}
	return b, nil
}

func confMain(args []string) {
	fs := flag.NewFlagSet("conf", flag.ExitOnError)
	addr := fs.String("mock", "127.0.0.1:9100", "mock address")
	fs.Parse(args)
	m := map[string]int{}
	for _, a := range fs.Args() {
		kv := strings.SplitN(a, "=", 2)
		if len(kv) == 2 {
			m[kv[0]], _ = strconv.Atoi(kv[1])
		}
	}
	j, _ := json.Marshal(m)
	b, err := mockCall(*addr, "/__mock/conf", j)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Stdout.Write(append(b, '\n'))
}

func statsMain(args []string) {
	fs := flag.NewFlagSet("stats", flag.ExitOnError)
	addr := fs.String("mock", "127.0.0.1:9100", "mock address")
	fs.Parse(args)
	b, err := mockCall(*addr, "/__mock/stats", nil)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Stdout.Write(append(b, '\n'))
}
