// Goroutines, channels, a child process, signals, files, timers: what Go asks of a kernel.
package main

import (
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"time"
)

func goroutines() {
	var wait sync.WaitGroup
	results := make(chan int, 100)
	for i := 0; i < 100; i++ {
		wait.Add(1)
		go func(n int) {
			defer wait.Done()
			sum := 0
			for k := 0; k <= n; k++ {
				sum += k
				if k%20 == 0 {
					time.Sleep(time.Microsecond)
				}
				runtime.Gosched()
			}
			results <- sum
		}(i)
	}
	wait.Wait()
	close(results)
	total := 0
	for result := range results {
		total += result
	}
	fmt.Println("sum", total)
}

// One that never gives way is preempted by a signal.
func preempted() {
	stop := make(chan bool)
	spins := 0
	go func() {
		for {
			spins++
			if spins < 0 {
				break
			}
		}
	}()
	go func() {
		time.Sleep(20 * time.Millisecond)
		stop <- true
	}()
	runtime.GC()
	fmt.Println("stopped", <-stop)
}

func child() {
	command := exec.Command("/bin/sh", "-c", "cat; exit 3")
	command.Stdin = strings.NewReader("through a pipe\n")
	output, err := command.Output()
	fmt.Print(string(output), err, "\n")
	_, err = exec.Command("/nowhere/program").Output()
	fmt.Println(err)
}

func signals() {
	caught := make(chan os.Signal, 1)
	signal.Notify(caught, syscall.SIGUSR1)
	syscall.Kill(os.Getpid(), syscall.SIGUSR1)
	fmt.Println(<-caught)
}

func sockets() {
	directory, _ := os.MkdirTemp("", "hello")
	defer os.RemoveAll(directory)
	listener, err := net.Listen("unix", filepath.Join(directory, "socket"))
	if err != nil {
		fmt.Println(err)
		return
	}
	go func() {
		connection, _ := listener.Accept()
		io.Copy(connection, connection)
		connection.Close()
	}()
	connection, _ := net.Dial("unix", filepath.Join(directory, "socket"))
	fmt.Fprint(connection, "echo")
	connection.(*net.UnixConn).CloseWrite()
	answer, err := io.ReadAll(connection)
	fmt.Println(string(answer), err)
}

func main() {
	fmt.Println("hello", os.Args[1:])
	goroutines()
	preempted()
	child()
	signals()
	sockets()
	_, err := os.Open("/nowhere/x")
	fmt.Println(err)
	os.Exit(7)
}
