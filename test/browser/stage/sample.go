package stage

import (
	"context"
	"fmt"
	"os"
	"time"

	"sluice.dev/sluice/api"
	"sluice.dev/sluice/client"
)

// Sample makes services in every state that an operator meets, and sends them
// requests until ctx is over:
//
//	sentiment          4 replicas in a group, four versions, the second's model gone
//	sentiment-canary   2 replicas in the same group, with a quarter of the traffic
//	translate          10 replicas, an update that waits at 3 of 10
//	embeddings         3 replicas of one version, frozen
//	ocr                an update that fails, so that it is paused
//	speech             stopped
//	ranker             3 replicas, its last rollout rolled back
func (s *Server) Sample(ctx context.Context) error {
	for _, make := range []func(context.Context) error{s.sentiment, s.canary, s.translate, s.embeddings, s.ocr, s.speech, s.ranker} {
		if err := make(ctx); err != nil {
			return err
		}
	}
	for name, callers := range map[string]int{"sentiment-prod": 6, "translate": 4, "embeddings": 2} {
		Load(ctx, s.Gateway+"/api/predict/"+name, callers, 10*time.Millisecond)
	}
	_, err := s.Client().CreateToken(ctx, "release-bot", api.RoleOperator)
	if err == nil {
		_, err = s.Client().CreateToken(ctx, "dashboard", api.RoleViewer)
	}
	return err
}

func (s *Server) sentiment(ctx context.Context) error {
	for i, message := range []string{"first model", "distilled: half the memory", "fine-tuned on reviews of October", "tokenizer fixed for emoji"} {
		model, err := s.Model(fmt.Sprintf("sentiment-v%d.txt", i+1), message)
		if err != nil {
			return err
		}
		file := s.File("sentiment", 4, fmt.Sprint(i+1))
		file["model_path"] = model
		file["metadata"].(Object)["group"] = "sentiment-prod"
		if i == 0 {
			err = s.Create(ctx, file, message)
		} else {
			err = s.Update(ctx, "sentiment", Object{"model_path": model, "containers": file["containers"]}, message)
		}
		if err != nil {
			return err
		}
		if i == 1 { // its model is looked for in vain from now on
			defer os.Remove(model)
		}
	}
	return nil
}

func (s *Server) canary(ctx context.Context) error {
	file := s.File("sentiment-canary", 2, "large")
	file["metadata"].(Object)["group"] = "sentiment-prod"
	if err := s.Create(ctx, file, "the large model, on trial"); err != nil {
		return err
	}
	mode := api.ModeCustomized
	if _, err := s.Client().ChangeGroup(ctx, "sentiment-prod", api.GroupChange{TrafficMode: &mode}); err != nil {
		return err
	}
	grouping, most, some := api.StateGrouping, 75, 25
	if _, err := s.Client().Release(ctx, "sentiment", api.Release{Weight: &most}); err != nil {
		return err
	}
	_, err := s.Client().Release(ctx, "sentiment-canary", api.Release{Weight: &some, TrafficState: &grouping})
	return err
}

func (s *Server) translate(ctx context.Context) error {
	if err := s.Create(ctx, s.File("translate", 10, "1"), "first release"); err != nil {
		return err
	}
	three := api.Count{Value: 3}
	if _, err := s.Client().SetPlan(ctx, "translate", api.PlanChange{TargetUpdated: &three}); err != nil {
		return err
	}
	return s.Update(ctx, "translate", Object{"containers": s.File("translate", 10, "2")["containers"]}, "beam search of 4")
}

func (s *Server) embeddings(ctx context.Context) error {
	if err := s.Create(ctx, s.File("embeddings", 3, "1"), "first release"); err != nil {
		return err
	}
	return s.Client().Freeze(ctx, "embeddings", time.Now().Add(48*time.Hour), "quarter end: no change before Monday")
}

func (s *Server) ocr(ctx context.Context) error {
	if err := s.Create(ctx, s.File("ocr", 2, "1"), "first release"); err != nil {
		return err
	}
	broken := s.File("ocr", 2, "2", "-model", "/models/ocr-v2.onnx")
	return s.Update(ctx, "ocr", Object{"containers": broken["containers"]}, "model v2")
}

func (s *Server) speech(ctx context.Context) error {
	if err := s.Create(ctx, s.File("speech", 1, "1"), "first release"); err != nil {
		return err
	}
	answer, err := s.Client().Stop(ctx, "speech", client.Because("its machines are needed elsewhere"))
	if err != nil {
		return err
	}
	return s.settled(ctx, answer, client.Halted)
}

func (s *Server) ranker(ctx context.Context) error {
	if err := s.Create(ctx, s.File("ranker", 3, "1"), "first release"); err != nil {
		return err
	}
	one := api.Count{Value: 1}
	if _, err := s.Client().SetPlan(ctx, "ranker", api.PlanChange{TargetUpdated: &one}); err != nil {
		return err
	}
	if err := s.Update(ctx, "ranker", Object{"containers": s.File("ranker", 3, "2")["containers"]}, "features of clicks"); err != nil {
		return err
	}
	answer, err := s.Client().RollBackPlan(ctx, "ranker", client.Because("clicks went down"))
	if err != nil {
		return err
	}
	return s.settled(ctx, answer, client.RolledBack)
}
