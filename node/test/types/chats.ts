// Compiled, never run: chats of the packages that people have, as they are typed there.

import type OpenAI from 'openai';
import type { ModelMessage, UIMessage } from 'ai';
import { promptFromMessages, type Chat, type Decision, type Prompt, ReloadableRouter, Router } from 'routellm';

/** Every method that takes a chat, and every one that takes several. */
async function everywhere<T extends object>(chat: T[], fixed: readonly T[], message: T): Promise<void> {
  const router: Router | ReloadableRouter = Router.default();
  for (const one of [chat, fixed, { model: 'x', messages: chat }, { messages: fixed }, message]) {
    const prompt: Prompt = one;
    const same: Chat = one;
    const decision: Decision = await router.route(one, { timeoutMs: 250, onError: 'strong' });
    const model: string = decision.model + router.routeSync(prompt).model + promptFromMessages(same, { read: 'all_user' });
    const rate: number = (await router.winRate(one)) + router.winRateSync(one);
    await router.candidateScores(one);
    router.candidateScoresSync(one);
    await router.similarity(one);
    router.similaritySync(one);
    await router.explain(one, 5);
    router.explainSync(one, 5);
    await router.embed(one);
    router.embedSync(one);
    void [model, rate];
  }
  const prompts: T[][] = [chat, chat];
  const frozen: ReadonlyArray<readonly T[]> = [fixed, fixed];
  for (const batch of [prompts, frozen, ['x', chat, fixed] as const]) {
    const decisions: Decision[] = await router.routeBatch(batch);
    router.routeBatchSync(batch, { strongShare: 0.5 });
    const rates: Float64Array = await router.winRates(batch);
    router.winRatesSync(batch);
    void [decisions, rates];
  }
}

type Metadata = { model?: string };

export async function chats(
  openai: OpenAI.ChatCompletionMessageParam[],
  body: OpenAI.ChatCompletionCreateParams,
  items: OpenAI.Responses.ResponseInput,
  response: OpenAI.Responses.ResponseCreateParams,
  model: ModelMessage[],
  ui: UIMessage[],
  own: UIMessage<Metadata>[],
): Promise<void> {
  const router = Router.default();
  // The types are there, and not `any`.
  // @ts-expect-error no message
  const noMessages: OpenAI.ChatCompletionMessageParam[] = [1];
  // @ts-expect-error no role
  const noRole: ModelMessage = { content: 'x' };
  // @ts-expect-error no parts
  const noParts: UIMessage = { id: 'x', role: 'user' };
  void [noMessages, noRole, noParts];

  await router.route(openai);
  await router.route(model);
  await router.route(ui);
  await router.routeBatch([openai, model, ui, 'x']);
  router.routeSync(body);
  router.routeSync(items);
  router.routeSync(response);
  await everywhere(openai, openai, openai[0]!);
  await everywhere(model, model, model[0]!);
  await everywhere(ui, ui, ui[0]!);
  await everywhere(own, own, own[0]!);
}
