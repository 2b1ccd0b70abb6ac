// Compiled, never run: every name that a user writes, with the type that comes out.

import {
  ReloadableRouter, Router, RouteLLMError, promptFromMessages, upgradeArtifact, version,
  type ChatMessage, type Decision, type DecisionEvent, type ErrorCode, type ErrorKind, type ExplainedVote, type Explanation,
  type ChatTemplate, type Head, type LongPrompts, type ModelRating, type OpenOptions, type Template, type Prompt, type RouteOptions, type RouteSyncOptions, type RouterInfo, type RouterStats,
} from 'routellm';

function is<T>(value: T): T {
  return value;
}

export async function usage(): Promise<void> {
  const open: OpenOptions = { strong: 'a', weak: 'b', mode: 'reference', onnxruntime: '/x', sessions: 2, intraThreads: 1 };
  let router: Router = Router.default();
  router = Router.default(open);
  router = Router.open('path', open);
  router = Router.open(new URL('file:///path'));
  router = await Router.openAsync('path', { mode: 'exact' });
  router = Router.open('path', { outOfDistribution: 'strong', minSimilarity: 0.3, mmap: 'never', openClusters: 8 });
  router = Router.open('path', { openClusters: 'all' });
  router = Router.open('path', { errorTarget: 0.01 });
  const head: Head = { kind: 'regression', link: 'sigmoid', scale: 2 };
  const longPrompts: LongPrompts = { kind: 'windows', overlap: 8, pooling: 'max', maxWindows: 4 };
  const judge: ChatTemplate = { kind: 'chat', system: 'x', user: '{question}', addGenerationPrompt: true };
  const template: Template = judge;
  router = Router.open('path', { kind: 'bert', head, longPrompts, provider: 'auto', deviceId: 0, memoryLimit: 1e9, tf32: true });
  router = Router.open('path', { head: 'binary', longPrompts: 'truncate', preset: 'throughput', maxTokens: 128 });
  router = Router.open('path', { template, scoreTokens: ['1', 17], scoreThreshold: 2, maxNewTokens: 0 });
  router = Router.open('path', { kind: 'causal_llm', template: 'Rate: {question}' });
  // @ts-expect-error: no such provider
  router = Router.open('path', { provider: 'tpu' });
  // @ts-expect-error: a head has its own parameters
  router = Router.open('path', { head: { kind: 'binary', link: 'sigmoid' } });
  router = Router.bundled('mf-minilm');
  router = await Router.bundledAsync('default');

  const chat: ChatMessage[] = [
    { role: 'system', content: 'x', name: 'y' },
    { role: 'assistant', content: null, tool_calls: [] },
    { role: 'user', content: ['x', { type: 'text', text: 'x' }, { type: 'image_url', image_url: { url: 'x' } }] },
  ];
  const prompts: Prompt[] = ['x', new Uint8Array(1), Buffer.from('x'), chat];
  is<string>(promptFromMessages(chat));

  const options: RouteOptions = { threshold: 0.5, onError: 'strong', timeoutMs: 500, signal: new AbortController().signal };
  const decision: Decision = await router.route(prompts[0]!, options);
  is<{ threshold: number; share: number }>(router.share(0.3));
  is<boolean>(upgradeArtifact(new URL('file:///path')));
  is<string | null>(router.info().constant);
  router.onDecision((event: DecisionEvent) => {
    is<string>(event.id);
    is<'strong' | 'weak' | null>(event.side);
    is<number | null>(event.winRate);
    is<ErrorKind | null>(event.fallbackKind);
    is<number>(event.propensity + event.queueNs + event.scoreNs + event.totalNs + event.index + event.batchSize);
  });
  router.onDecision(null);
  is<string>(decision.model);
  is<'strong' | 'weak' | null>(decision.side);
  is<'strong' | 'weak'>(router.routeSync('x', { threshold: 0.5, onError: 'weak' }).side);
  is<'strong' | 'weak' | null>(router.routeSync('x', { costWeight: 0.1, candidates: ['a'] }).side);
  is<Float64Array>(router.qualitiesSync('x'));
  is<number>(decision.candidate);
  is<number | null>(decision.winRate);
  is<number | null>(decision.threshold);
  is<boolean>(decision.truncated);
  is<number | null>(decision.similarity);
  is<boolean>(decision.outOfDistribution);
  is<boolean>(decision.noScore);
  is<boolean>(decision.fallback);
  is<string | null>(decision.fallbackReason);

  const sync: RouteSyncOptions = { strongShare: 0.5, onError: 'raise', timeoutMs: 0.5 };
  is<Decision>(router.routeSync('x', sync));
  is<Decision>(router.routeSync(chat));
  is<Decision[]>(router.routeBatchSync(['x'] as const, sync));
  is<Decision[]>(await router.routeBatch(prompts, { signal: AbortSignal.timeout(1) }));
  is<Decision>(router.routeEmbeddingSync(new Float32Array(1)));
  is<Decision>(await router.routeEmbedding(new Float32Array(1), options));
  is<number>(router.winRateSync('x'));
  is<number>(await router.winRate('x', { signal: AbortSignal.timeout(1) }));
  is<Float64Array>(router.winRatesSync(prompts));
  is<Float64Array>(await router.winRates(prompts));
  is<Float64Array>(router.winRatesFromEmbeddings(new Float32Array(2), 2));
  is<Float64Array>(router.candidateScoresSync('x'));
  is<Float64Array>(await router.candidateScores('x'));
  is<Float64Array>(router.candidateScoresFromEmbedding(new Float32Array(2)));
  is<Float32Array>(router.embedSync('x'));
  is<Float32Array>(await router.embed('x'));
  is<number>(await router.similarity('x'));
  is<number>(router.similaritySync(chat));
  is<number>(router.similarityFromEmbedding(new Float32Array(2)));
  const explanation: Explanation = await router.explain(prompts[0]!, 5);
  is<Explanation>(router.explainSync('x', 0));
  is<Explanation>(router.explainEmbedding(new Float32Array(2), 5));
  is<number>(explanation.winRate + (explanation.winRateError ?? 0) + explanation.similarity);
  is<boolean>(explanation.outOfDistribution);
  is<number | undefined>(explanation.reach?.openedClusters);
  const rating: ModelRating | undefined = explanation.ratings[0];
  is<number | null | undefined>(rating?.standardError);
  const vote: ExplainedVote | undefined = explanation.votes[0];
  is<'model_a' | 'model_b' | 'tie' | undefined>(vote?.winner);
  is<string | null | undefined>(vote?.text);
  is<number>(router.threshold());
  is<number>(router.threshold({ strongShare: 0.5 }));
  is<string>(router.strong);
  is<string>(router.weak);
  is<string[]>(router.models);
  is<number | null>(router.embeddingDimension);
  is<number>(router.fallbacks);
  is<string>(version);

  const info: RouterInfo = router.info();
  is<number | undefined>(info.calibration?.defaultThreshold);
  is<number | undefined>(info.runtime?.intraThreads);
  is<number | undefined>(info.votes?.weightExponent);
  is<number | null | undefined>(info.votes?.clusters);
  is<unknown>(info.provenance['seed']);

  try {
    router.routeSync('x');
  } catch (error) {
    if (error instanceof RouteLLMError) {
      is<ErrorCode>(error.code);
      is<ErrorKind>(error.kind);
      is<number>(error.errno);
      is<unknown>(error.cause);
      is<string>(error.message);
    }
  }

  router = Router.open('path', { sessions: 1, maxWaiting: 0 });
  const { signal } = new AbortController();
  is<Float64Array>(await router.candidateScores('x', { signal }));
  is<number>(await router.similarity('x', { signal }));
  is<Explanation>(await router.explain('x', 5, { signal }));
  is<Float32Array>(await router.embed('x', { signal }));
  const stats: RouterStats = router.stats();
  is<number>(stats.sessions + stats.busy + stats.waiting + stats.decisions + (stats.fallbacks.Inference ?? 0));
  const reloadable = new ReloadableRouter(router);
  is<Router>(reloadable.current);
  is<Router>(reloadable.replace(router));
  is<Decision>(await reloadable.route('x', { threshold: 0.5 }));
  is<Decision>(reloadable.routeSync('x'));
  is<string>(reloadable.strong);
  const either: Router = reloadable;
  is<boolean>(either.closed);
  either.close();
  router[Symbol.dispose]();
  {
    using closed = Router.default();
    is<string>(closed.weak);
  }

  // What must not compile.
  // @ts-expect-error whether it is closed is not assigned
  router.closed = true;
  // @ts-expect-error a path is no router
  reloadable.replace('path');
  // @ts-expect-error a typo
  router.routeSync('x', { treshold: 0.5 });
  // @ts-expect-error a synchronous call cannot be aborted
  router.routeSync('x', { signal: new AbortController().signal });
  // @ts-expect-error no name
  router.routeSync('x', { onError: 1 });
  // @ts-expect-error a number is no prompt
  await router.route(1);
  // @ts-expect-error embeddings are single precision
  router.routeEmbeddingSync(new Float64Array(1));
  // @ts-expect-error nobody constructs a router
  new Router();
  // @ts-expect-error names are not assigned
  router.strong = 'x';
  // @ts-expect-error another mode
  Router.default({ mode: 'fast' });
  // @ts-expect-error another decision
  Router.default({ outOfDistribution: 'raise' });
  // @ts-expect-error another word for all
  Router.default({ openClusters: 'every' });
  // @ts-expect-error how many votes
  router.explainSync('x');
  // @ts-expect-error another router
  Router.bundled('nothing');
}
