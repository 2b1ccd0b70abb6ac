import routellm from './index.js';

export const {
  Router,
  ReloadableRouter,
  RouteLLMError,
  promptFromMessages,
  train,
  evaluate,
  upgradeArtifact,
  doctor,
  version,
} = routellm;
