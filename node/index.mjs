import routellm from './index.js';

export const { Router, ReloadableRouter, RouteLLMError, promptFromMessages, train, upgradeArtifact, version } = routellm;
