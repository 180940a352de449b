declare module "*.jstxt" {
  const text: string;
  export default text;
}
