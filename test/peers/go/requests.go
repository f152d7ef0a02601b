package main

import (
	"context"
	"encoding/base64"
	"strings"
	"time"

	"github.com/apache/rocketmq-client-go/v2"
	"github.com/apache/rocketmq-client-go/v2/consumer"
	"github.com/apache/rocketmq-client-go/v2/primitive"
)

// requestReply sends a request and waits for its reply.
func requestReply(in request) (any, error) {
	through, err := findProducer(in.Name)
	if err != nil {
		return nil, err
	}
	built, err := in.Message.build()
	if err != nil {
		return nil, err
	}
	reply, err := through.Request(context.Background(), time.Duration(in.Timeout)*time.Millisecond, built)
	if err != nil {
		return nil, err
	}
	return object{
		"topic": reply.Topic, "bodyBase64": base64.StdEncoding.EncodeToString(reply.Body), "properties": reply.GetProperties(),
	}, nil
}

// startResponder answers every request to the topic with "re:" and its body.
func startResponder(in request) error {
	if err := startProducer(in); err != nil {
		return err
	}
	through, err := findProducer(in.Name)
	if err != nil {
		return err
	}
	made, err := rocketmq.NewPushConsumer(
		consumer.WithNsResolver(primitive.NewPassthroughResolver(strings.Split(in.Namesrv, ";"))),
		consumer.WithGroupName(in.Group),
		consumer.WithInstance(in.Name+"-responder"),
		consumer.WithConsumeFromWhere(consumer.ConsumeFromFirstOffset),
	)
	if err != nil {
		return err
	}
	listen := func(ctx context.Context, messages ...*primitive.MessageExt) (consumer.ConsumeResult, error) {
		for _, one := range messages {
			reply, err := consumer.CreateReplyMessage(one, nil)
			if err != nil {
				return consumer.ConsumeSuccess, err
			}
			// CreateReplyMessage forgets the body.
			reply.Body = append([]byte("re:"), one.Body...)
			if _, err := through.SendSync(ctx, reply); err != nil {
				return consumer.ConsumeSuccess, err
			}
		}
		return consumer.ConsumeSuccess, nil
	}
	if err := made.Subscribe(in.Topic, consumer.MessageSelector{Type: consumer.TAG, Expression: "*"}, listen); err != nil {
		return err
	}
	if err := made.Start(); err != nil {
		return err
	}
	consumers.Store(in.Name, made)
	return nil
}

func stopResponder(in request) error {
	if err := stopPush(in); err != nil {
		return err
	}
	return stopProducer(in)
}
