import routellm from './index.js';

export const {
  Router,
  ReloadableRouter,
  RouteLLMError,
  promptFromMessages,
  train,
  evaluate,
  judge,
  gold,
  upgradeArtifact,
  doctor,
  version,
} = routellm;
