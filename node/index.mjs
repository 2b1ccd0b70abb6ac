import routellm from './index.js';

export const { Router, ReloadableRouter, RouteLLMError, promptFromMessages, train, upgradeArtifact, doctor, version } =
  routellm;
