import { bubblewrapGolden } from './bubblewrap.ts';

/**
 * What the escape kit finds in a container of podman: what it finds in a sandbox of bubblewrap, but that the first process
 * inside is the step itself, with what the image says about the environment.
 */
export const podmanGolden = { ...bubblewrapGolden, 'environment-of-pid-1': 'READABLE' };
