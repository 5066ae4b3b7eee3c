export const providers = ['github', 'gitlab', 'gitea', 'bitbucket', 'bitbucket-server'] as const;
/** A kind of forge. `gitea` is Forgejo too; `bitbucket-server` is Bitbucket Data Center. */
export type Provider = (typeof providers)[number];
