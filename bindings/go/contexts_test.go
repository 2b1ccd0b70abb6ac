package routellm

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"
)

func TestDefaultOfNilIsTheDefault(t *testing.T) {
	for _, open := range []func() (*Router, error){
		func() (*Router, error) { return Default(nil) },
		func() (*Router, error) { return DefaultContext(background, nil, WithIDs(true), nil) },
	} {
		router, err := open()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := router.Route(background, "hello"); err != nil {
			t.Error(err)
		}
		router.Close()
	}
}

func TestWhatTakesLongTakesAContext(t *testing.T) {
	folder, _ := copyVotes(t, "sw-caller")
	calls := map[string]func(context.Context) error{
		"OpenContext": func(ctx context.Context) error {
			router, err := OpenContext(ctx, folder)
			if err == nil {
				router.Close()
			}
			return err
		},
		"DefaultContext": func(ctx context.Context) error {
			router, err := DefaultContext(ctx)
			if err == nil {
				router.Close()
			}
			return err
		},
		"UpgradeArtifactContext": func(ctx context.Context) error {
			_, err := UpgradeArtifactContext(ctx, folder)
			return err
		},
		"DoctorContext": func(ctx context.Context) error {
			_, err := DoctorContext(ctx, folder)
			return err
		},
	}
	for name, call := range calls {
		if err := call(background); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		alive, cancel := context.WithCancel(background)
		if err := call(alive); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		cancel()
		if err := call(alive); kindOf(err) != Cancelled || !errors.Is(err, context.Canceled) {
			t.Errorf("%s: %v", name, err)
		}
		late, stop := context.WithDeadline(background, time.Now().Add(-time.Second))
		err := call(late)
		if !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "deadline") {
			t.Errorf("%s: %v", name, err)
		}
		stop()
		if err := call(nil); kindOf(err) != InvalidArgument {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := OpenContext(background, t.TempDir()); kindOf(err) != NotFound {
		t.Error(err)
	}
}

func TestWorkThatEndsAfterItsContextIsThrownAway(t *testing.T) {
	ctx, cancel := context.WithCancel(background)
	goOn, discarded := make(chan struct{}), make(chan int)
	work := func() (int, error) {
		cancel()
		<-goOn
		return 7, nil
	}
	_, err := within(ctx, work, func(made int) error {
		discarded <- made
		return nil
	})
	if !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	// It returned while the work goes on.
	close(goOn)
	if made := <-discarded; made != 7 {
		t.Error(made)
	}
}

func TestWinRatesOfManyInputs(t *testing.T) {
	router := openDefault(t)
	chat := []byte(`[{"role": "user", "content": "Prove it."}]`)
	inputs := []Input{Text("Prove it."), Messages(chat), Text(""), Text("hello " + strings.Repeat("there ", 9))}
	rates, err := router.WinRatesOf(background, inputs)
	if err != nil || len(rates) != len(inputs) || rates[0] != rates[1] {
		t.Fatal(rates, err)
	}
	for i, input := range inputs {
		if one, err := router.WinRateOf(background, input); err != nil || one != rates[i] {
			t.Errorf("%d: %v %v, expected %v", i, one, err, rates[i])
		}
	}
	if none, err := router.WinRatesOf(background, nil); err != nil || len(none) != 0 {
		t.Error(none, err)
	}
	_, err = router.WinRatesOf(background, []Input{Text("x"), Messages([]byte("[]"))})
	if kindOf(err) != InvalidArgument || !strings.Contains(err.Error(), "1") {
		t.Error(err)
	}
	ctx, cancel := context.WithCancel(background)
	cancel()
	if _, err := router.WinRatesOf(ctx, inputs); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}
